"""One secret of each kind, as it would be planted: made up, and not working anywhere."""

from __future__ import annotations

# (class, text around it with {}, the secret itself)
PLANTED: tuple[tuple[str, str, str], ...] = (
    ("secret", "use {} for this", "sk-" + "proj-Zz19" * 5),
    ("secret", "{}", "ghp_" + "a1B2c3" * 6),
    ("secret", "pat={}", "github_pat_" + "11ABCDEFG0_" + "xY3" * 12),
    ("secret", "id {}, key", "AKIA" + "QWERTYUIOP123456"),
    ("secret", "aws_secret_access_key = {}", "wJalrXUtn/K7MDENG+bPxRfiCYzzQWERTY123456"),
    ("secret", "slack {}", "xoxb-" + "123456789012-abcDEF"),
    ("secret", "jwt {}", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.c2lnbmF0dXJlLW9mLWl0"),
    ("secret", "{}", "-----BEGIN PRIVATE KEY-----\nTUlJRW93SUJBQUtDQVFFQQ==\n-----END PRIVATE KEY-----"),
    ("secret", "Authorization: Bearer {}", "tok3n.of-some_length"),
    ("secret", "curl -H 'Authorization: Basic {}'", "cGxhbnRlZDpzZWNyZXQ="),
    ("secret", "postgres://app:{}@db:5432/glia", "pl4nted-pw"),
    ("secret", "password={}", "pl4ntedpw"),
    ("secret", '{{"api_key": "{}"}}', "planted key value"),
    ("secret", "mysql --password {} -h x", "pl4ntedpw"),
    ("email", "write to {}, please", "planted.person@example.co.uk"),
    ("email", "?to={}&x", "planted%40example.com"),
    ("phone", "call {} now", "+49 170 1234567"),
    ("phone", "call {} now", "+15551234567"),
    ("phone", "or {}.", "(555) 123-4567"),
    ("phone", "or {}.", "06 12 34 56 78"),
    ("phone", "phone: {}", "5551234567"),
    ("card", "card {} until 12/29", "4111 1111 1111 1111"),
    ("card", "{}", "378282246310005"),
    ("iban", "to {} today", "DE89 3704 0044 0532 0130 00"),
    ("iban", "{}", "GB82WEST12345698765432"),
    ("ip", "from {}:443", "203.0.113.77"),
    ("ip", "from [{}]", "2001:db8:0:1::8a2e:7334"),
    ("path", "in /home/{}/notes.txt", "plantedname"),
    ("path", "in /Users/{}/notes", "plantedname"),
    ("path", "C:\\Users\\{}\\Documents", "Planted Name"),
)

HARMLESS = (
    "id 5551234567 and 1700000000, 1700000000000, 1700000000000000000",
    "2024-01-15T10:30:00.123456Z and 15.01.2024 10:30",
    "550e8400-e29b-41d4-a716-446655440000",
    "81ca6a4b-0706-4563-95d9-d53e70f2e439 fa57d30b-0681-4717-8011-fbb25a67c29a",  # not phones
    "01a1fefc-8a92-7ca3-be81-7551b4ce6007 01a1fefc-ad06-7b5d-bcde-db32bd661417",  # not IBANs
    '{"call_id": "12345678-0706-4563-95d9-d53e70f2e439"}',
    "v1.2.3.4, version 10.0.19045.1, Chrome/120.0.0.0, requests==2.31.0.1",
    "0.4111111111111111 and 3.141592653589793",
    "std::vector<int> a[1::2], 12:30:45",
    '{"max_tokens": 4096, "token": "hello", "usage": {"input_tokens": 12}}',
    "The key: it works. password: str = None; login(password=password)",
    "sk-learn-contrib-package-name and task-management-of-many-things",
    "https://example.com/home/dashboard and bearer of good news, basic understanding",
    "password=${DB_PASSWORD} api_key=<your key> secret=****",
    "127.0.0.1 and 0.0.0.0",
)
