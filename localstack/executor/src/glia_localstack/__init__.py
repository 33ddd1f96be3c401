"""LocalStack's Lambda functions as processes of this machine: `LAMBDA_RUNTIME_EXECUTOR=process`."""
