#!/bin/bash
# All programs are started at once: the server may not listen yet.
until curl -sSf "$SETTINGS_URL" -o /tmp/settings.new 2>/dev/null; do sleep 0.1; done
mv /tmp/settings.new /tmp/settings.json
