# The laboratory: web server, workers and recovery are the same image with different commands (compose.yaml).
# PyPI's build of torch brings CUDA: without an argument this is the image for NVIDIA GPUs. For machines without one:
#   docker build --build-arg TORCH_INDEX=URL .     (URL as in docs/howto/gpu-worker.md)
ARG PYTHON=3.12

FROM python:${PYTHON}-slim-bookworm AS packages
ARG TORCH_INDEX=
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
COPY requirements*.txt constraints.txt ./
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir ${TORCH_INDEX:+--extra-index-url "${TORCH_INDEX}"} \
        -r requirements.txt -r requirements-s3.txt -r requirements-otel.txt

FROM python:${PYTHON}-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 DATA_DIR=/data HOME=/data
RUN useradd --uid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin lab \
    && install --directory --owner=10001 --group=10001 --mode=0700 /data
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY manage.py ./
COPY training training
COPY webapp webapp
COPY templates templates
COPY static static
USER 10001:10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["python", "manage.py", "up", "--host", "0.0.0.0", "--port", "8000"]
