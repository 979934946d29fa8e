"""Run firn jobs in Apache Airflow."""

__version__ = "0.1.0"


def get_provider_info():
    """What Airflow lists under `airflow providers list`."""
    return {
        "package-name": "airflow-provider-firn",
        "name": "firn",
        "description": "Run firn jobs: loose data into Iceberg tables, exactly once.",
        "versions": [__version__],
        "operators": [{"integration-name": "firn", "python-modules": ["airflow_provider_firn.operators"]}],
        "integrations": [{"integration-name": "firn", "external-doc-url": "https://github.com/firn-data/firn", "tags": ["software"]}],
    }
