"""A stand-in for `torch` in processes that a served script starts.

`tritonnn._run` puts this folder on `sys.path`. A worker that multiprocessing spawns gets the same path but
not the import hook; the first `import torch` there finds the file of that name here, which installs it.
"""
