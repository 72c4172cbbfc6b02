# Calls of AWS through a proxy, with keys that are worth nothing; or, with `verify`, checks with botocore's own code that requests as they
# arrived are signed by the real ones.
import json
import sys
from urllib.parse import urlsplit

import boto3
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

REGION = "eu-west-1"


def client(service, proxy, ca):
    config = Config(
        proxies={"https": proxy},
        retries={"total_max_attempts": 1},
        s3={"addressing_style": "virtual"},
        read_timeout=20,
    )
    return boto3.client(
        service,
        region_name=REGION,
        aws_access_key_id="AKIAPLACEHOLDER",
        aws_secret_access_key="placeholder",
        aws_session_token="placeholder-token",
        verify=ca,
        config=config,
    )


CALLS = {
    "sts": lambda c: c.get_caller_identity()["Account"],
    "s3-get": lambda c: c.get_object(Bucket="bucket", Key="a key/ü+1", Range="bytes=0-9")["Body"].read().decode(),
    "s3-put": lambda c: c.put_object(Bucket="bucket", Key="k", Body=b"Welcome")["ETag"],
    "dynamodb": lambda c: c.list_tables()["TableNames"],
    "lambda": lambda c: c.get_policy(FunctionName="arn:aws:lambda:eu-west-1:123456789012:function:f:1")["Policy"],
}


def verify(requests, access_key, secret_key, token):
    for request in requests:
        headers = {name.lower(): value for name, value in request["fields"]}
        parts = dict(part.strip().split("=", 1) for part in headers["authorization"].split(" ", 1)[1].split(","))
        key, _, region, service, _ = parts["Credential"].split("/")
        signed = {name: headers[name] for name in parts["SignedHeaders"].split(";")}
        assert key == access_key, key
        assert headers.get("x-amz-security-token") == token
        assert "x-amz-security-token" in signed and "host" in signed and "x-amz-date" in signed, signed
        url = "https://" + headers["host"] + request["target"]
        made = AWSRequest(method=request["method"], url=url, headers=signed, data=bytes.fromhex(request["body"]))
        made.context["timestamp"] = headers["x-amz-date"]
        made.context["signing"] = {}
        signer = (auth.S3SigV4Auth if service == "s3" else auth.SigV4Auth)(
            Credentials(access_key, secret_key, token), service, region
        )
        canonical = signer.canonical_request(made)
        want = signer.signature(signer.string_to_sign(made, canonical), made)
        assert want == parts["Signature"], (request["target"], canonical)
    print("verified", len(requests))


if sys.argv[1] == "verify":
    verify(json.load(sys.stdin), *sys.argv[2:5])
else:
    name, proxy, ca = sys.argv[1:4]
    print(CALLS[name](client(name.split("-")[0], proxy, ca)))
