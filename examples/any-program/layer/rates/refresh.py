"""Keeps /tmp/rates.json fresh: at once, and every minute that the function is awake."""
import json
import os
import time

import requests

session = requests.Session()
while True:
    try:
        answer = session.get(os.environ["RATES_URL"], timeout=5)
        answer.raise_for_status()
        with open("/tmp/rates.new", "w") as file:
            json.dump(answer.json(), file)
        os.replace("/tmp/rates.new", "/tmp/rates.json")
        time.sleep(60)
    except requests.RequestException:
        time.sleep(0.1)
