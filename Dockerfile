# One image for every role: the server (the default), `bin/worker` and `.venv/bin/flask scheduler`.
# Runs as a user without privileges on a read-only file system; only /app/instance and /tmp are written.

FROM debian:bookworm-slim AS base
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates python3 postgresql-client \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app

FROM base AS build
RUN apt-get update && apt-get install -y --no-install-recommends python3-venv
COPY bin/_venv.sh bin/
COPY requirements.txt requirements-telemetry.txt ./
RUN bash -ec '. bin/_venv.sh && ensure_venv run requirements.txt'
# --build-arg TELEMETRY=1: what SENTRY_DSN and OTEL_EXPORTER_OTLP_ENDPOINT need.
ARG TELEMETRY=
RUN [ -z "$TELEMETRY" ] || .venv/bin/python -m pip install -q -r requirements-telemetry.txt
COPY celery_app.py config.py data_folder.py wsgi.py ./
COPY app app
COPY bin bin
COPY migrations migrations
RUN .venv/bin/python -m compileall -q app bin migrations *.py

FROM base
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin bellhop \
  && install -d -o bellhop -g bellhop -m 0700 /app/instance
COPY --from=build /app /app
USER bellhop
# The SQLite database, and the key that was generated if there is no SECRET_KEY.
VOLUME /app/instance
# Inside a container, every address is the container's own.
ENV HOST=0.0.0.0 PORT=5000 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
EXPOSE 5000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s CMD ["python3", "-c", \
  "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/healthz\", timeout=4)"]
CMD ["bin/serve"]
