"""An unmodified function: its settings and secrets are in its environment."""

import os

DATABASE = (os.environ["DB_HOST"], os.environ["DB_USER"], os.environ["DB_PASSWORD"])


def handler(event, context):
    host, user, password = DATABASE
    return {
        "database": f"{user}@{host}",
        "password": len(password),
        "level": os.environ["LOG_LEVEL"],
        "url": os.environ["URL"],
    }
