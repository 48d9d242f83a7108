"""Stands where the function's handler stood, after Sentry is set up: its
integration wraps the client of Lambda, which is not there before.
"""

import importlib
import os

import sentry_sdk
from sentry_sdk.integrations.aws_lambda import AwsLambdaIntegration

# The address and the sample rate come from SENTRY_DSN and SENTRY_TRACES_SAMPLE_RATE.
sentry_sdk.init(
    integrations=[AwsLambdaIntegration(timeout_warning=True)],
    traces_sample_rate=float(os.environ.get("SENTRY_TRACES_SAMPLE_RATE") or 0),
)

module, _, name = os.environ["SENTRY_INITIAL_HANDLER"].rpartition(".")
handler = getattr(importlib.import_module(module.replace("/", ".")), name)
