import json
import os
import urllib.request

greeter = os.environ.get("GREETER", "http://127.0.0.1:8181")


def read(path):
    with open(path) as file:
        return json.load(file)


def handler(event, context):
    with urllib.request.urlopen(greeter + "/greeting.txt") as answer:
        greeting = answer.read().decode().strip()
    return {"greeting": greeting, "settings": read("/tmp/settings.json"), "rates": read("/tmp/rates.json"), "event": event}
