"""One template parameter a setting, and which function gets which. Made from `chalicelib.settings`: none is forgotten.

`DATABASE_URL` is the parameter `DatabaseUrl`, `GLIA_CHAT_MODEL` is `ChatModel`. An empty parameter means the default.
"""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from chalicelib.settings import Settings

DATABASE = {"DATABASE_URL": "app", "DATABASE_SYSTEM_URL": "system", "DATABASE_OWNER_URL": "owner"}
MODEL_KEY = "OPENAI_API_KEY"
# Lambda sets these itself, or an emulator does.
NOT_OURS = {"AWS_REGION", "AWS_ENDPOINT_URL"}
# What the stack decides.
FROM_STACK: dict[str, Any] = {
    "GLIA_STAGE": {"Ref": "Stage"},
    "GLIA_QUEUE_PREFIX": {"Fn::Sub": "glia-${Stage}"},
    "GLIA_BUCKET": {"Ref": "Blobs"},
    "GLIA_UPLOAD_BUCKET": {"Fn::Sub": "glia-${Stage}-uploads-${AWS::AccountId}-${AWS::Region}"},
}
MODELS = {MODEL_KEY, "OPENAI_BASE_URL", "GLIA_CHAT_MODEL", "GLIA_EXTRACT_MODEL", "GLIA_STORY_MODEL"}
# Each function sees one login of the database, and only what calls a model has its key.
WITHHELD = {
    "APIHandler": DATABASE.keys() - {"DATABASE_URL"},
    "Turns": DATABASE.keys() - {"DATABASE_URL"},
    "Extractions": DATABASE.keys() - {"DATABASE_URL"},
    "Stories": DATABASE.keys() - {"DATABASE_URL"},
    "Reextractions": DATABASE.keys() - {"DATABASE_URL"},
    "Uploads": DATABASE.keys() - {"DATABASE_URL"} | MODELS,
    "Sweep": DATABASE.keys() - {"DATABASE_SYSTEM_URL"} | MODELS,
    "Migrate": DATABASE.keys() - {"DATABASE_OWNER_URL"} | MODELS,
}


def aliases() -> list[str]:
    """The variables that functions are given."""
    return [str(field.alias) for field in Settings.model_fields.values() if field.alias not in NOT_OURS]


def parameter_name(variable: str) -> str:
    return "".join(part.capitalize() for part in variable.removeprefix("GLIA_").split("_"))


def parameters(stage: str, architecture: str) -> dict[str, Any]:
    """`Stage` and `Architecture`, which are settled by packaging, and one a setting."""
    settled = {
        "Stage": {"Type": "String", "Default": stage, "AllowedValues": [stage], "Description": "Name of the stage"},
        "Architecture": {
            "Type": "String",
            "Default": architecture,
            "AllowedValues": [architecture],
            "Description": "Processor that the packaged requirements are for",
        },
    }
    fields = {str(field.alias): field for field in Settings.model_fields.values()}
    free = [alias for alias in aliases() if alias not in FROM_STACK]
    return settled | {parameter_name(alias): _parameter(fields[alias]) for alias in free}


def _parameter(field: Any) -> dict[str, Any]:
    declared: dict[str, Any] = {"Type": "String", "Default": "", "Description": field.description}
    if field.alias in DATABASE or SecretStr in getattr(field.annotation, "__args__", ()):
        declared["NoEcho"] = True
    return declared


def environment(function: str) -> dict[str, Any]:
    """The variables of one function."""
    return {alias: _value(alias) for alias in aliases() if alias not in WITHHELD[function]}


def _value(alias: str) -> Any:
    if alias in FROM_STACK:
        return FROM_STACK[alias]
    plain = {"Ref": parameter_name(alias)}
    if alias in DATABASE:
        return _or_secret("HasDatabaseSecret", f"${{DatabaseSecret}}:SecretString:{DATABASE[alias]}", plain)
    if alias == MODEL_KEY:
        return _or_secret("HasOpenaiSecret", "${OpenaiSecret}:SecretString", plain)
    return plain


def _or_secret(condition: str, secret: str, plain: dict[str, Any]) -> dict[str, Any]:
    """CloudFormation reads the secret when it deploys; the function needs no right to."""
    resolved = {"Fn::Sub": f"{{{{resolve:secretsmanager:{secret}}}}}"}
    return {"Fn::If": [condition, resolved, plain]}
