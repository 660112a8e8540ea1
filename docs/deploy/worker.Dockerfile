# The image of a Beam worker that has touchloop's adapters. Build it from the root of a checkout:
#   docker build -f docs/deploy/worker.Dockerfile -t registry.example/touchloop-worker:0.1.0 .
# and name it in the job's options: --environment_type=DOCKER --environment_config=registry.example/touchloop-worker:0.1.0
# or run it beside each TaskManager as a pool: --worker_pool, with --environment_type=EXTERNAL --environment_config=localhost:50000

# the SDK's boot program, of the release that requirements.lock holds
FROM apache/beam_python3.11_sdk:2.77.0 AS sdk

FROM python:3.11-slim
WORKDIR /opt/touchloop
COPY --from=sdk /opt/apache/beam /opt/apache/beam

# the locked dependencies first: they change less often than the code
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock

COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY transforms transforms
COPY warehouse warehouse
COPY pipelines pipelines
RUN pip install --no-cache-dir --no-deps . && python -m compileall -q /usr/local/lib/python3.11/site-packages

# user names, passwords and tokens (TOUCHLOOP_KAFKA_…, AWS_…) come from the environment of the container, never from the image
RUN useradd --system touchloop
USER touchloop
ENTRYPOINT ["/opt/apache/beam/boot"]
