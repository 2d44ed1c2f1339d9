"""Stands in for AWS's bootstrap.py: the search path as AWS documents it, then AWS's own runtime client."""

import os
import sys

if "PYTHONPATH" not in os.environ:
    sys.path.insert(0, "/opt/python")
    sys.path.insert(0, "/opt/python/lib/python3.11/site-packages")
    os.environ["PYTHONPATH"] = os.environ["LAMBDA_RUNTIME_DIR"]
sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])

from awslambdaric.__main__ import main

main([sys.argv[0], os.environ["_HANDLER"]])
