"""Runs the sitecustomize of every Python agent, in the order of the path.

Python itself imports only the first sitecustomize on sys.path. This one stands
first and runs all that come after it, each as if it were the only one: under
the name sitecustomize, in a module of its own. None of them can keep Python
from starting.

Works with Python 3.6 and later; imports nothing that start-up has not.
"""
import os
import sys


def _say(path, problem):
    try:
        sys.stderr.write("graft: python: %s: %s\n" % (path, problem))
        sys.stderr.flush()  # up to 3.8 it is not line-buffered
    except Exception:  # a closed standard error
        pass


def _specs():
    """Yields (path, spec) of every other sitecustomize on sys.path, once."""
    from importlib.machinery import PathFinder

    seen = {os.path.realpath(__file__)}
    # A copy: what runs may change the path.
    for entry in list(sys.path):
        try:
            spec = PathFinder.find_spec("sitecustomize", [entry or os.getcwd()])
        except Exception as error:
            _say(entry, type(error).__name__)
            continue
        if spec is None or spec.loader is None:
            continue
        real = os.path.realpath(spec.origin) if spec.origin else entry
        if real not in seen:
            seen.add(real)
            yield spec.origin or entry, spec


def _run():
    from importlib.util import module_from_spec

    ours = sys.modules.get("sitecustomize")
    for path, spec in _specs():
        try:
            module = module_from_spec(spec)
            # An agent may look itself up, or import the next sitecustomize.
            sys.modules["sitecustomize"] = module
            spec.loader.exec_module(module)
        except BaseException as error:  # SystemExit would end Python here
            # The message may hold anything, so only its type is shown.
            _say(path, "%s (PYTHONVERBOSE=1 shows the traceback)" % type(error).__name__)
            if sys.flags.verbose:
                sys.excepthook(type(error), error, error.__traceback__)
        finally:
            if ours is not None:
                sys.modules["sitecustomize"] = ours


def _restore():
    """Takes away what graft set for the start only.

    Without PYTHONPATH the managed runtime adds the layers' folders by itself,
    before its own packages, and child processes start as they always do.
    """
    if os.environ.pop("GRAFT_PYTHONPATH", None) is not None:
        os.environ.pop("PYTHONPATH", None)


# An agent that imports "the next" sitecustomize finds this file again, since
# it stands first: that call has nothing left to do.
if not getattr(sys, "_graft_sitecustomize", False):
    sys._graft_sitecustomize = True
    try:
        _run()
    finally:
        _restore()
