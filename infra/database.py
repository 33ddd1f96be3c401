"""`python -m infra.database prod`: the three logins of a stage's database, and the secret that holds their URLs.

Once after the data stack (infra/data.yaml), and again to change the passwords. It goes through RDS's Data API, so it
needs no way into the VPC. Aurora's administrator is no superuser: the statements ask for nothing that takes one.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
from botocore.exceptions import ClientError

DATABASE = "glia"
LOGINS = {"app": "glia_app", "system": "glia_system", "owner": "glia_owner"}


def statements(passwords: Mapping[str, str], database: str = DATABASE) -> Iterator[str]:
    """What the administrator runs, in order; each may be run again. PostgreSQL 16 or later.

    Args:
        passwords: of the roles; without quotes or backslashes, such as `token_urlsafe` makes.
        database: exists, and belongs to the administrator or, later, to glia_owner.
    """
    everyone = ", ".join(LOGINS.values())
    for role, password in passwords.items():
        missing = f"SELECT FROM pg_roles WHERE rolname = '{role}'"
        yield f"DO $$ BEGIN IF NOT EXISTS ({missing}) THEN CREATE ROLE {role} NOINHERIT; END IF; END $$"
        yield f"ALTER ROLE {role} LOGIN NOINHERIT PASSWORD '{password}'"
    # The administrator may hand over what is its own only to a role it can act as.
    yield "GRANT glia_owner TO CURRENT_USER WITH INHERIT TRUE, SET TRUE"
    # Migrations give functions to glia_system.
    yield "GRANT glia_system TO glia_owner WITH INHERIT FALSE, SET TRUE"
    yield f"ALTER DATABASE {database} OWNER TO glia_owner"
    yield f"REVOKE ALL ON DATABASE {database} FROM PUBLIC"
    yield f"GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {everyone}"
    yield "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
    yield "GRANT USAGE ON SCHEMA public TO glia_app"
    # `ALTER FUNCTION ... OWNER TO glia_system` demands that the new owner could have made it here itself.
    yield "GRANT USAGE, CREATE ON SCHEMA public TO glia_owner, glia_system"


def url(role: str, password: str, host: str) -> str:
    return f"postgresql://{role}:{password}@{host}:5432/{DATABASE}?sslmode=require"


def make_logins(session: Any, stage: str, outputs: Mapping[str, str]) -> str:
    """Sets new passwords and keeps their URLs in a secret. Returns the secret's ARN.

    Args:
        outputs: of the data stack.
    """
    passwords = {role: secrets.token_urlsafe(32) for role in LOGINS.values()}
    data = session.client("rds-data")
    for sql in statements(passwords):
        data.execute_statement(
            resourceArn=outputs["DatabaseArn"], secretArn=outputs["DatabaseAdminSecret"], database=DATABASE, sql=sql
        )
    host = outputs["DatabaseEndpoint"]
    urls = {name: url(role, passwords[role], host) for name, role in LOGINS.items()}
    return _keep(session.client("secretsmanager"), f"glia-{stage}-database", json.dumps(urls))


def _keep(client: Any, name: str, text: str) -> str:
    try:
        return str(client.create_secret(Name=name, SecretString=text)["ARN"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceExistsException":
            raise
        return str(client.put_secret_value(SecretId=name, SecretString=text)["ARN"])


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the logins of a stage's database.")
    parser.add_argument("stage", help="name of the stage, such as prod")
    args = parser.parse_args()
    session = boto3.Session(region_name=os.environ.get("AWS_REGION"))
    stack = session.client("cloudformation").describe_stacks(StackName=f"glia-data-{args.stage}")["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    sys.stdout.write(f"DatabaseSecret={make_logins(session, args.stage, outputs)}\n")


if __name__ == "__main__":
    main()
