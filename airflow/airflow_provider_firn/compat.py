"""The names that moved between Airflow 2.11 and 3."""

try:  # Airflow 3
    from airflow.sdk import Asset, BaseHook, BaseOperator
    from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
    from airflow.sdk.log import mask_secret
except ImportError:  # Airflow 2.11
    from airflow.datasets import Dataset as Asset
    from airflow.exceptions import AirflowException, AirflowFailException, AirflowSkipException
    from airflow.hooks.base import BaseHook
    from airflow.models import BaseOperator
    from airflow.utils.log.secrets_masker import mask_secret

__all__ = ["AirflowException", "AirflowFailException", "AirflowSkipException", "Asset", "BaseHook", "BaseOperator", "mask_secret"]
