import datetime

print("start-time:", datetime.datetime.now(datetime.timezone.utc).isoformat(), flush=True)
