import platform


def handler(event, context):
    return {"runtime": f"Python {platform.python_version()}", "event": event}
