"""Florin's own processes: their order, their configuration, their addresses."""

import http.client
import os

ORDER = ("auth-service", "expense-service", "portfolio-service", "event-processor", "gateway")
PORT_NAMES = dict(zip(ORDER, ("AUTH", "EXPENSE", "PORTFOLIO", "PROCESSOR", "GATEWAY")))
DATABASE = "florin"
# Settings of the caller's environment that are passed on to the processes.
PASSED_ON = (
    "FLORIN_LOG_LEVEL", "FLORIN_DATABASE_POOL", "FLORIN_DRAIN_SECONDS", "FLORIN_DRAIN_NOTICE_SECONDS",
    "FLORIN_PASSWORD_THREADS",
    "FLORIN_HTTP_CONNECTIONS_PER_ADDRESS", "FLORIN_RATE_LIMIT_ANONYMOUS", "FLORIN_RATE_LIMIT_SIGN_IN",
    "FLORIN_RATE_LIMIT_USER", "FLORIN_TLS_CERTIFICATE", "FLORIN_TLS_KEY", "FLORIN_OIDC_PROVIDERS",
    "FLORIN_OIDC_CERTIFICATES", "FLORIN_FIREBASE_PROJECT")


def address(ports, name):
    return f"127.0.0.1:{ports[name]}"


def environment(name, ports, secrets, database_urls, amqp_url, mail_folder):
    """The configuration of one process. Of our own environment it gets what PASSED_ON names and nothing else."""
    port_name = PORT_NAMES[name]
    result = {
        "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC",
        **{key: os.environ[key] for key in PASSED_ON if os.environ.get(key)},
        "FLORIN_ADMIN_LISTEN": address(ports, port_name + "_ADMIN"),
        "FLORIN_AMQP_URL": amqp_url,
        "FLORIN_PUBLIC_URL": f"http://{address(ports, 'GATEWAY')}",
        "FLORIN_AUTH_GRPC": address(ports, "AUTH"),
        "FLORIN_EXPENSE_GRPC": address(ports, "EXPENSE"),
        "FLORIN_PORTFOLIO_GRPC": address(ports, "PORTFOLIO"),
        "FLORIN_PROCESSOR_GRPC": address(ports, "PROCESSOR"),
    }
    if name == "gateway":
        result["FLORIN_HTTP_LISTEN"] = address(ports, port_name)
        # There is no load balancer that would have to take notice.
        result.setdefault("FLORIN_DRAIN_NOTICE_SECONDS", "0")
    else:
        result["FLORIN_GRPC_LISTEN"] = address(ports, port_name)
        result["FLORIN_DATABASE_URL"] = database_urls[name]
    if name == "auth-service":
        result["FLORIN_MASTER_KEY"] = secrets["master_key"]
        result["FLORIN_SEAL_PUBLIC_KEY"] = secrets["seal_public_key"]
    if name == "event-processor":
        result["FLORIN_SEAL_PRIVATE_KEY"] = secrets["seal_private_key"]
        result["FLORIN_MAIL_DIR"] = mail_folder
        result["FLORIN_MAIL_FROM"] = "florin@localhost.localdomain"
    return result


def configuration(settings):
    """The same as a file that FLORIN_CONFIG can name."""
    return "".join(f"{key}={value}\n" for key, value in settings.items() if key.startswith("FLORIN_"))


def shared_environment(layout, ports, secrets, amqp_url, database_url):
    """What `.local/env` tells other tools."""
    result = {
        "FLORIN_URL": f"http://{address(ports, 'GATEWAY')}",
        "FLORIN_AMQP_URL": amqp_url,
        "FLORIN_AMQP_MANAGEMENT_URL": f"http://{address(ports, 'AMQP_MANAGEMENT')}",
        "FLORIN_DB_URL": database_url,
        "FLORIN_RUN_DIR": layout.path("run"),
        "FLORIN_LOG_DIR": layout.path("log"),
        "FLORIN_MAIL_DIR": layout.path("mail"),
    }
    for name in ORDER:
        port_name = PORT_NAMES[name]
        result[f"FLORIN_{port_name}_ADMIN_URL"] = f"http://{address(ports, port_name + '_ADMIN')}"
        if name != "gateway":
            result[f"FLORIN_{port_name}_GRPC"] = address(ports, port_name)
    return result


def readiness(port):
    """(is ready, what it says) of a process, by its admin address."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return answer.status == 200, answer.read(2000).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return False, f"no answer at its admin address ({error})"
    finally:
        connection.close()
