"""Stands where the function's handler stood, after Sentry is set up."""

import importlib
import os
import sys

import sentry_sdk
from awslambdaric import bootstrap
from sentry_sdk.integrations.aws_lambda import AwsLambdaIntegration

# The integration wraps Lambda's client, which it looks for in what runs. When
# OpenTelemetry loads this module nothing runs yet; by this name it is found too.
named = sys.modules.setdefault("bootstrap", bootstrap)
try:
    # The address comes from SENTRY_DSN.
    sentry_sdk.init(
        integrations=[AwsLambdaIntegration(timeout_warning=True)],
        traces_sample_rate=float(os.environ.get("SENTRY_TRACES_SAMPLE_RATE") or 0),
    )
finally:
    if named is bootstrap:
        del sys.modules["bootstrap"]

module, _, name = os.environ["SENTRY_INITIAL_HANDLER"].rpartition(".")
handler = getattr(importlib.import_module(module.replace("/", ".")), name)
