# Any image that brings Python 3.11 or later at /usr/local serves both stages. Name it by digest for
# a build that can be repeated: --build-arg PYTHON_IMAGE=python:3.12-slim@sha256:...
ARG PYTHON_IMAGE=python:3.12-slim

FROM ${PYTHON_IMAGE} AS build
# Bytecode is compiled here because the runtime's file system may be read-only.
ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1 \
    UV_PYTHON_DOWNLOADS=never
WORKDIR /build
COPY requirements/uv.txt requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/uv.txt

# The pins stand in a layer of their own, made again only when they change. Wheels only: nothing is
# compiled, and no code of a source distribution runs.
COPY requirements/runtime.txt requirements/
RUN uv venv --python /usr/local/bin/python3 /opt/tokenauthority && \
    uv pip install --python /opt/tokenauthority --require-hashes --only-binary :all: \
      -r requirements/runtime.txt

# The build backend is held to the hashes of the development pins. `uv pip check` fails the build
# when the runtime pins lack something that the wheels ask for.
COPY requirements/development.txt requirements/
COPY generated generated
COPY tokens tokens
COPY server server
RUN uv build --wheel --require-hashes --build-constraints requirements/development.txt \
      --out-dir wheels generated && \
    uv build --wheel --require-hashes --build-constraints requirements/development.txt \
      --out-dir wheels tokens && \
    uv build --wheel --require-hashes --build-constraints requirements/development.txt \
      --out-dir wheels server && \
    uv pip install --python /opt/tokenauthority --no-deps wheels/*.whl && \
    uv pip check --python /opt/tokenauthority


FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="WakeDock token authority" \
      org.opencontainers.image.licenses="MIT"
# A container is reached from outside itself, so it listens on every address. That needs callers who
# are known, or ALLOW_ANONYMOUS_CALLERS=true from whoever deploys it behind a network policy: the
# image itself never says so.
ENV PATH=/opt/tokenauthority/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    GRPC_HOST=0.0.0.0 \
    HTTP_HOST=0.0.0.0 \
    LOG_FORMAT=json
COPY --from=build /opt/tokenauthority /opt/tokenauthority
COPY LICENSE /opt/tokenauthority/
# By number, so that Kubernetes can prove that it is not root. It owns no file.
USER 10001:10001
WORKDIR /opt/tokenauthority
EXPOSE 50051 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["tokenauthority", "healthcheck"]
ENTRYPOINT ["tokenauthority"]
CMD ["serve"]
