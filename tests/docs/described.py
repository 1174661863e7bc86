"""The words of the page of environment variables, by group: one entry for each variable that the code reads."""

from tests.docs.variables import Entry

GROUPS: dict[str, dict[str, Entry]] = {
    "Storage and database": {
        "DATA_DIR": Entry(
            "The folder of all state: database, artifacts, data sets, uploads, logs, keys. Two installations with two folders "
            "share nothing.",
            "`var` in a checkout; the platform's folder for data of programs where the package is installed",
        ),
        "DATA_GROUP": Entry(
            "A group (name or number) whose accounts may read and write all of `DATA_DIR`. "
            "See [Operations](../howto/operations.md)."
        ),
        "DATASETS_DIR": Entry("The folder of the data set library.", "`datasets` in `DATA_DIR`"),
        "ARTIFACTS_URL": Entry(
            "The store that the machines of the laboratory share: `s3://BUCKET/FOLDER`, `gs://BUCKET/FOLDER` or "
            "`file:///MOUNTED/FOLDER`. Artifacts and data sets are there, and `DATA_DIR` has copies. "
            "See [Share a store](../howto/several-workers.md#with-a-store-instead-of-a-shared-folder).",
            "the artifacts are in `DATA_DIR`",
        ),
        "ARTIFACTS_CACHE_GB": Entry("Bound of a machine's copies of the artifacts of that store, in 10^9 bytes; 0 for none."),
        "AWS_ENDPOINT_URL_S3": Entry("The server of the S3 protocol behind an `s3://` store.", "Amazon's"),
        "AWS_ENDPOINT_URL": Entry("The same, where `AWS_ENDPOINT_URL_S3` is not set."),
        "DATABASE_URL": Entry("The database, as `postgres://USER:PASSWORD@HOST/NAME`.", "SQLite in `DATA_DIR`"),
        "REDIS_URL": Entry(
            "The message broker. Without it the laboratory starts one of its own on a Unix socket.", "an embedded server"
        ),
        "BROKER_VISIBILITY_SECONDS": Entry(
            "Seconds after which the broker delivers a message again that a worker took and did not acknowledge. The value is "
            "not critical: a worker that receives a message for a run which is already leased does nothing."
        ),
    },
    "Web server": {
        "SECRET_KEY": Entry("The key that signs sessions and links.", "made once and kept in `DATA_DIR`"),
        "DEBUG": Entry("Django's debug pages. Never on a laboratory that others can reach.", "0"),
        "SITE_URL": Entry("The address that people type. Links in webhooks, e-mails and the terminal begin with it."),
        "ALLOWED_HOSTS": Entry("Further host names that are answered. Loopback and the host of `SITE_URL` always are."),
        "CSRF_TRUSTED_ORIGINS": Entry("Further origins whose forms are accepted, as Django defines them."),
        "TRUSTED_PROXIES": Entry(
            "The proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed. See [Operations](../howto/operations.md)."
        ),
        "HTTPS": Entry(
            "The laboratory is reached over https alone: redirects, HSTS and secure cookies. Needs `SITE_URL` and "
            "`TRUSTED_PROXIES`.",
            "0",
        ),
        "SECURE_COOKIES": Entry("Not used any more. The laboratory refuses to start with it and names `HTTPS`."),
        "METRICS_TOKEN": Entry(
            "A token with which `/metrics` may be read from anywhere, as `Authorization: Bearer TOKEN`. "
            "See [Watch a laboratory](../howto/monitoring.md)."
        ),
        "METRICS_NETWORKS": Entry("Addresses or networks from which `/metrics` may be read, besides this machine itself."),
        "LOG_FORMAT": Entry("The logs of web server and workers: lines of text, or JSON with the ids of requests and runs."),
        "SLOW_QUERY_SECONDS": Entry("Seconds of a database query from which it is logged, without its values; 0 logs none."),
        "CONNECTIONS": Entry(
            "Open connections of one web process. Never more than half of the file descriptors that the process may have."
        ),
        "CONNECTIONS_PER_ADDRESS": Entry("Open connections of one web process from one address; 0 for no limit of its own."),
        "API_RATE": Entry("Requests to the API of one person, or of one unknown address."),
        "UPLOAD_RATE": Entry("Uploads of one account. Two may be in progress at a time."),
        "EXPLORER_MEMORY": Entry("Memory that one web process uses to answer questions about examples."),
        "EXPLORER_THREADS": Entry("Threads that one web process uses to answer questions about examples."),
    },
    "Runs and workers": {
        "LEASE_SECONDS": Entry(
            "A worker that does not renew its lease for this long is considered dead, and its run is queued again."
        ),
        "MAX_ATTEMPTS": Entry("Attempts after which a run that broke off each time is given up."),
        "MAX_RUNS": Entry("Distinct runs that one experiment may have, on the command line too."),
        "W2S_PROCESSES": Entry(
            "Processes that train one run of a tuned transformer together. Read by a worker and by `training run`."
        ),
        "W2S_THREADS": Entry(
            "Threads of one run of a transformer on a CPU, divided by its processes.",
            "the cores that the process may use (affinity, cgroup quota), divided by `W2S_TRAINERS`, and at most 8",
        ),
        "W2S_TRAINERS": Entry(
            "Workers that share the cores of this machine.", "`--workers` for those of `make up`, 1 for other processes"
        ),
        "OMP_NUM_THREADS": Entry("The most threads of one process of a run, as OpenMP defines it. `W2S_THREADS` wins."),
        "SLURM_CPUS_PER_TASK": Entry("The cores of a Slurm task, read where Slurm does not bind the task to them."),
        "W2S_CPU_PRECISION": Entry(
            "What precision `auto` is for a transformer in training on a CPU; `measured` is bf16 where that is faster."
        ),
        "W2S_SHARDED": Entry("Shard the model over these processes (FSDP) instead of copying it to each.", "0"),
        "W2S_CHECKPOINT_SECONDS": Entry(
            "Least time between two checkpoints of a run. A checkpoint that took long is followed by a longer pause."
        ),
        "CUDA_VISIBLE_DEVICES": Entry("The accelerators of a worker, as CUDA defines it.", "all"),
        "CUBLAS_WORKSPACE_CONFIG": Entry(
            "The workspace of cuBLAS, which is deterministic with the default and with `:16:8` only.", "`:4096:8`"
        ),
        "DISK_RESERVE_GIB": Entry("Disk space in GiB that stays free. A run that would leave less waits."),
        "DISK_QUOTA_GIB": Entry("Disk space in GiB that all artifacts together may use; 0 for no limit."),
        "EVENTS_DAYS": Entry(
            "Days after its end for which a run keeps its metrics, evaluations, progress and samples in the database. Then they "
            "are in a file of its artifacts. See [Operations](../howto/operations.md#retention).",
            "they stay in the database",
        ),
        "VERIFY_SECONDS": Entry("Seconds between two passes that compare all artifacts with their checksums."),
        "IMPORT_HOURS": Entry("Hours after which the work on one uploaded file or archive is stopped."),
        "ARCHIVE_GIB": Entry("Size in GiB that an imported archive may unpack to."),
        "ARCHIVE_MEMORY_GIB": Entry("Memory in GiB of the process that verifies an archive."),
    },
    "Models and the Hugging Face Hub": {
        "LOCAL_MODELS": Entry(
            "Folders, separated by `:`, below which local models may be read.", "every folder that the processes can read"
        ),
        "HF_TOKEN": Entry("Token for gated models, in the environment of web server and workers."),
        "HF_HUB_OFFLINE": Entry("With 1, only files that were fetched before are used.", "0"),
    },
    "Messages": {
        "EMAIL_URL": Entry("The e-mail server, as `smtp+tls://USER:PASSWORD@HOST:587`. Everything works without one."),
        "EMAIL_FROM": Entry("The sender of e-mails."),
        "WEBHOOK_URL": Entry("The address to which the laboratory posts JSON when an experiment ends."),
        "WEBHOOK_SECRET": Entry("The key of the header `X-Lab-Signature`, an HMAC-SHA256 of the body."),
        "OUTGOING_NETWORKS": Entry(
            "Networks inside, as 10.0.0.0/8 or 127.0.0.1, that requests to the webhook and to the OpenID provider may reach. "
            "All others that are not public are refused."
        ),
    },
    "Traces": {
        "OTEL_EXPORTER_OTLP_ENDPOINT": Entry(
            "The collector of OpenTelemetry that takes spans, as `http://collector:4318`. Needs the extra `otel`; the SDK "
            "reads its other variables itself. See [Traces](../howto/monitoring.md#traces).",
            "no spans",
        ),
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": Entry(
            "The same for traces alone, as `http://collector:4318/v1/traces`.", "no spans"
        ),
        "OTEL_EXPORTER_OTLP_PROTOCOL": Entry("The protocol of the collector."),
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": Entry("The same for traces alone."),
    },
    "Single sign-on": {
        "OIDC_ISSUER": Entry("The OpenID provider. Single sign-on is on where issuer, client id and secret are set."),
        "OIDC_CLIENT_ID": Entry("The name by which the provider knows this laboratory. The return address is `/sso/return/`."),
        "OIDC_CLIENT_SECRET": Entry("The secret that the provider gave for it."),
        "OIDC_DEFAULT_ROLE": Entry("The role of accounts that single sign-on creates."),
        "OIDC_AUTHORIZATION_ENDPOINT": Entry("Only where the provider has no discovery document.", "from discovery"),
        "OIDC_TOKEN_ENDPOINT": Entry("The same.", "from discovery"),
        "OIDC_USERINFO_ENDPOINT": Entry("The same.", "from discovery"),
        "OIDC_JWKS_ENDPOINT": Entry("The same.", "from discovery"),
    },
    "Client": {
        "W2S_TOKEN": Entry("The API token that `training/client.py`, `python -m training push` and a worker by HTTPS send."),
        "W2S_CA_FILE": Entry("Certificates of further authorities that a worker by HTTPS trusts, a file in PEM format."),
    },
}
