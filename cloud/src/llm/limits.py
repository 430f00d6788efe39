"""How many questions an LLM gets at once, and how long it is waited for, when nothing else is set.

Apart from the client, which brings the openai package: a second of computing that only who asks an LLM should pay.
"""

from __future__ import annotations

DEFAULT_MAX_CONCURRENT = 8
# ECS takes 5 to 10 minutes to find another Spot instance and to load the model there.
DEFAULT_OUTAGE_LIMIT_S = 900.0
# What one question may take, all attempts together, without the time in which the server is known to be away.
DEFAULT_TOPIC_LIMIT_S = 300.0
