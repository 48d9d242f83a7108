import faulthandler
import os


def handler(event, context):
    return {"site": os.environ.get("VENDOR_SITE"), "faulthandler": faulthandler.is_enabled(), "event": event}
