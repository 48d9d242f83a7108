import subprocess


def handler(event, context):
    try:
        shell = subprocess.run("echo a shell has run", shell=True, stdout=subprocess.PIPE).stdout.decode().strip()
    except PermissionError as refused:
        shell = refused.strerror
    return {"shell": shell, "event": event}
