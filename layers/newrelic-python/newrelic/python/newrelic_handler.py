"""Stands where the function's handler stood, and has the agent record each call of it."""

import importlib
import os

import newrelic.agent

# Before the function's own modules: the agent instruments what is imported later.
newrelic.agent.initialize()

import newrelic_lambda  # noqa: E402, F401: sends by New Relic's extension, where there is one
from newrelic_lambda.lambda_handler import lambda_handler  # noqa: E402

module, _, name = os.environ["NEW_RELIC_LAMBDA_HANDLER"].rpartition(".")
handler = lambda_handler()(getattr(importlib.import_module(module.replace("/", ".")), name))
