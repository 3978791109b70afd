"""Facts about trained weights, and the names of classes.

`resnet.json` belongs to `models/resnet.py`, `video.resnet.json` to `models/video/resnet.py`. It has for every
enumeration of the module its members: the name of another member, or

- url: where the file is; its name ends in the first digits of its sha256,
- transforms: the preset of `transforms/_presets.py`, and its arguments,
- meta: published numbers; 'categories' and 'keypoint_names' name a text file of this folder, lists are tuples.

A text file has one name a line, in the order of the network's scores.
"""
