"""The systems whose webhooks Bellhop reads, one file each. They know neither the database nor requests.

Each module has the same five functions:

    verify(headers, body, secrets, now)   whether the call was signed with one of the secrets
    describe_call(headers, document)      the id, the action and the time of a call
    map_body(document)                    the events that a call reports, and the names it teaches
    sign(body, secret, now, unique)       the headers and the body of a signed call, for test calls
    sample(email, now, unique)            the body of a test call that reaches one person

Where bodies lack names, and the system has an API that knows them, there are three more:

    API_URL                               where the API is
    build_lookup(event, facts)            the request that finds what an event and the known facts lack; None if nothing
    read_answer(event, document)          the event and the facts that its answer completes

`headers` has names in lower case, `body` is as received, and `document` is the decoded body.
"""

from __future__ import annotations

from types import ModuleType

from app.sources import ashby, calcom, calendly, greenhouse, lever, standard

SOURCES: dict[str, ModuleType] = {
    "ashby": ashby,
    "greenhouse": greenhouse,
    "lever": lever,
    "calcom": calcom,
    "calendly": calendly,
    "standard": standard,
}
WITH_API = tuple(kind for kind, module in SOURCES.items() if hasattr(module, "API_URL"))
