"""Faults in datasets of pictures: downloads, archives, formats, which file belongs to which label."""

from __future__ import annotations

from mutants import Fault

SETS = "tritonnn/vision/datasets"
DOWNLOAD, ARCHIVES, PICKLES = f"{SETS}/_download.py", f"{SETS}/_archives.py", f"{SETS}/_pickles.py"
FETCHED, UNPACKED = "tests/vision/test_datasets_download.py", "tests/vision/test_datasets_archives.py"
FORMATS, BAD = "tests/vision/test_datasets_formats.py", "tests/vision/test_datasets_bad_files.py"
COMMON, VIDEOS = "tests/vision/test_datasets.py", "tests/vision/test_datasets_videos.py"
ALIKE = "tests/parity/test_vision_datasets_parity.py"

FAULTS = [
    Fault(
        "downloads: fewer bytes than announced are a file", "atomic", DOWNLOAD,
        "if total is not None and done != total:", "if total is None:", f"{FETCHED} -k cut",
    ),
    Fault(
        "downloads: any MD5 will do", "refusal", DOWNLOAD,
        "if found == md5:", "if found:", f"{FETCHED} -k wrong_md5",
    ),
    Fault(
        "downloads: the rest is put behind all of it", "file offset", DOWNLOAD,
        "        if start != size:\n", "        if start > size:\n", f"{FETCHED} -k cut_connection",
    ),
    Fault(
        "downloads: another part than asked for is taken", "file offset", DOWNLOAD,
        "            if start:\n                raise Cut(f\"asked",
        "            if start < 0:\n                raise Cut(f\"asked",
        f"{FETCHED} -k another_part",
    ),
    Fault(
        "downloads: a part is carried on with whatever it is of", "atomic", DOWNLOAD,
        "if md5 is None and not part.version:", "if False:", f"{FETCHED} -k 'another or earlier or whole'",
    ),
    Fault(
        "downloads: the server is not asked whether its file is the same", "atomic", DOWNLOAD,
        'headers["If-Range"] = part.version', "pass", f"{FETCHED} -k changed",
    ),
    Fault(
        "downloads: a part of something else is not begun anew", "atomic", DOWNLOAD,
        "            if not left:\n", "            if True:\n", f"{FETCHED} -k part_of_another",
    ),
    Fault(
        "downloads: redirections are followed for ever", "budget", DOWNLOAD,
        "for _ in range(hops + 1):", "for _ in range(99):", f"{FETCHED} -k redirection",
    ),
    Fault(
        "downloads: a server may name local files", "refusal", DOWNLOAD,
        'if urlparse(target).scheme == "file":', 'if urlparse(target).scheme == "":', f"{FETCHED} -k redirection",
    ),
    Fault(
        "downloads: processes do not wait for each other", "atomic", DOWNLOAD,
        "        fcntl.flock(file, fcntl.LOCK_EX)\n", "        pass\n", f"{FETCHED} -k processes",
    ),
    Fault(
        "downloads: what another process has fetched is fetched again", "atomic", DOWNLOAD,
        "(calculate_md5(path) == md5 if md5 else not before)", "False", f"{FETCHED} -k processes",
    ),
    Fault(
        "downloads: a missing file is asked for again", "budget", DOWNLOAD,
        "return error.code in _AGAIN", "return True", f"{FETCHED} -k missing",
    ),
    Fault(
        "downloads: Google's page is the file", "refusal", DOWNLOAD,
        'answer.headers.get_content_type() == "text/html"', "False", f"{FETCHED} -k google",
    ),
    Fault(
        "archives: names may go up", "refusal", ARCHIVES,
        'if name.startswith("/") or ".." in steps', 'if name.startswith("/") or ".." in steps[:0]',
        f"{UNPACKED} -k nothing_gets_out",
    ),
    Fault(
        "archives: members are written through links", "refusal", ARCHIVES,
        "            if os.path.islink(path):\n                raise self.refuse(member, \"goes",
        "            if False:\n                raise self.refuse(member, \"goes", f"{UNPACKED} -k nothing_gets_out",
    ),
    Fault(
        "archives: links may lead out", "refusal", ARCHIVES,
        "    room.check_links()\n", "", f"{UNPACKED} -k nothing_gets_out",
    ),
    Fault(
        "archives: devices are made", "refusal", ARCHIVES,
        "if not (member.isreg() or", "if not (True or", f"{UNPACKED} -k nothing_gets_out",
    ),
    Fault(
        "archives: hard links to links are made", "refusal", ARCHIVES,
        "if member.islnk() and os.path.islink(self.check(member.linkname)):", "if False:",
        f"{UNPACKED} -k nothing_gets_out",
    ),
    Fault(
        "archives: members keep the rights that they ask for", "refusal", ARCHIVES,
        "member.mode = 0o755 if member.isdir() else (0o644 | (member.mode & 0o111))", "pass",
        f"{UNPACKED} -k rights",
    ),
    Fault(
        "archives: what is unpacked stands there at once", "atomic", ARCHIVES,
        'room = tempfile.mkdtemp(prefix=".extracting-", dir=folder)', "room = os.fspath(folder)",
        f"{UNPACKED} -k interrupted",
    ),
    Fault(
        "archives: a folder that is there is no place for another", "atomic", ARCHIVES,
        "            if not os.path.isdir(new):\n                raise\n", "            raise\n", f"{UNPACKED} -k grow",
    ),
    Fault(
        "pickles: any function is called", "refusal", PICKLES,
        "        if (module, name) not in _NAMES:\n",
        "        if (module, name) not in _NAMES:\n            return super().find_class(module, name)\n",
        f"{FORMATS} -k hostile",
    ),
    Fault(
        "pickles: columns are rows", "stride", PICKLES,
        'order="F" if fortran else "C"', 'order="C"', f"{FORMATS} -k pickles",
    ),
    Fault(
        "pickles: the byte order is the machine's", "byte order", PICKLES,
        "self.dtype = self.dtype.newbyteorder(order)", "pass", f"{FORMATS} -k pickles",
    ),
    Fault(
        "IDX: numbers are taken as the machine's", "byte order", f"{SETS}/_idx.py",
        "13: \">f4\"", "13: \"<f4\"", f"{FORMATS} -k test_idx",
    ),
    Fault(
        "flow in PNG files is counted from zero", "formula", f"{SETS}/_flow_files.py",
        "(pixels[:2].astype(np.float32) - 2**15) / 64", "pixels[:2].astype(np.float32) / 64",
        f"{FORMATS} -k flow_png",
    ),
    Fault(
        "PFM: the highest line comes first", "index", f"{SETS}/_flow_files.py",
        "return data[::-1].transpose(2, 0, 1)", "return data.transpose(2, 0, 1)", f"{FORMATS} -k pfm",
    ),
    Fault(
        "masks: runs go along the rows", "stride", f"{SETS}/_masks.py",
        "    return flat.reshape(width, height).T\n", "    return flat.reshape(height, width)\n",
        f"{FORMATS} -k masks",
    ),
    Fault(
        "XML may declare what it stands for", "refusal", f"{SETS}/voc.py",
        'if b"<!DOCTYPE" in data or b"<!ENTITY" in data:', "if False:", f"{FORMATS} -k xml",
    ),
    Fault(
        "errors name no file", "refusal", f"{SETS}/_named.py",
        'named: Exception = type(error)(f"{os.fspath(path)}: {error}")', "raise", f"{BAD} -k 'truncated or bomb'",
    ),
    Fault(
        "pictures are read when somebody looks", "atomic", f"{SETS}/_named.py",
        "        image.load()\n        return image if mode is None", "        return image if mode is None",
        f"{BAD} -k damaged_png",
    ),
    Fault(
        "folders: classes without files are none the worse", "argument check", f"{SETS}/folder.py",
        "if empty and not allow_empty:", "if empty and allow_empty:", f"{BAD} -k folders",
    ),
    Fault(
        "folders: files are in the disk's order", "index", f"{SETS}/folder.py",
        "for file in sorted(files))", "for file in sorted(files, reverse=True))", f"{ALIKE} -k ImageFolder",
    ),
    Fault(
        "noise: the program's random numbers go on", "generator state", f"{SETS}/fakedata.py",
        "noise = torch.randn(*self.image_size, generator=generator)", "noise = torch.randn(*self.image_size)",
        f"{COMMON} -k noise",
    ),
    Fault(
        "street numbers: 0 is 10", "index", f"{SETS}/svhn.py", ".reshape(-1) % 10", ".reshape(-1)",
        f"{ALIKE} -k SVHN",
    ),
    Fault(
        "clips: the last one is left out", "index", f"{SETS}/video_utils.py",
        "(tensor.numel() - (dilation * (size - 1) + 1)) // step + 1",
        "(tensor.numel() - (dilation * (size - 1) + 1)) // step", f"{VIDEOS} -k windows",
    ),
    Fault(
        "clips: videos without clips are counted from", "sampler", f"{SETS}/samplers/clip_sampler.py",
        "            start += length\n        return iter(indices)", "        return iter(indices)",
        f"{VIDEOS} -k samplers",
    ),
]  # fmt: skip
