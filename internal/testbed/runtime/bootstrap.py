"""Stands where the managed Python runtime has its own bootstrap.py.

That file is not published. This one prepares sys.path as the public
descriptions of it say, then runs AWS's published runtime client.
"""

import os
import site
import sys

# The managed one has it under this name, by which agents find what to wrap.
import awslambdaric.__main__ as awslambdaricmain

TASK_ROOT = os.environ["LAMBDA_TASK_ROOT"]
LAYERS = [
    "/opt/python/lib/python%d.%d/site-packages" % sys.version_info[:2],
    "/opt/python",
]

# Any PYTHONPATH, even an empty one, switches the layers' folders off.
untouched = "PYTHONPATH" not in os.environ

if untouched:
    sys.path[:0] = LAYERS
sys.path.insert(0, TASK_ROOT)

# For the .pth files; a folder that is on the path already is not added again.
site.addsitedir(TASK_ROOT)
if untouched:
    for folder in LAYERS:
        site.addsitedir(folder)
    os.environ["PYTHONPATH"] = os.environ["LAMBDA_RUNTIME_DIR"]

awslambdaricmain.main([TASK_ROOT, os.environ["_HANDLER"]])
