import json
import os
import urllib.parse
import urllib.request

port = os.environ.get("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", "2773")
headers = {"X-Aws-Parameters-Secrets-Token": os.environ["AWS_SESSION_TOKEN"]}


def read(path, **query):
    url = f"http://localhost:{port}{path}?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        return json.load(answer)


def handler(event, context):
    parameter = read("/systemsmanager/parameters/get/", name="/example/url", withDecryption="true")
    secret = read("/secretsmanager/get", secretId="example/database")
    database = json.loads(secret["SecretString"])
    return {"url": parameter["Parameter"]["Value"], "user": database["user"], "password": len(database["password"])}
