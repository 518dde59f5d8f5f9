# Bowerbird in a container: docker build -t bowerbird . && docker run -p 8080:8080 -v bowerbird:/data bowerbird
FROM python:3.13-slim
WORKDIR /src
COPY requirements.lock .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements.lock
COPY . .
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation . && rm -rf /src
RUN useradd --system --home-dir /data bowerbird && install -d -o bowerbird -m 700 /data
USER bowerbird
WORKDIR /data
VOLUME /data
ENV PATH=/venv/bin:$PATH BOWERBIRD_DATA_DIR=/data BOWERBIRD_BIND=0.0.0.0:8080
EXPOSE 8080
CMD ["bowerbird", "serve"]
