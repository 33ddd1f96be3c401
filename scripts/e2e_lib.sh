# What the end-to-end scripts share: requests, reading JSON without a JSON tool, waiting, and one line a check.
# Sourced, not run. Keeps to bash 3.2 (macOS) and curl.

# Reads the environment; ends the script with 2 if it is not complete.
setup() {
  command -v curl >/dev/null || usage_error "curl is needed"
  [ -n "${GLIA_URL:-}" ] || usage_error "GLIA_URL is not set: the address of the API, such as http://127.0.0.1:8765"
  [ -n "${GLIA_TOKEN:-}" ] || usage_error "GLIA_TOKEN is not set: a token or an API key"
  TIMEOUT=${GLIA_E2E_TIMEOUT:-60}
  case $TIMEOUT in '' | *[!0-9]*) usage_error "GLIA_E2E_TIMEOUT is a number of seconds" ;; esac
  BASE=$GLIA_URL
  while [ "${BASE%/}" != "$BASE" ]; do BASE=${BASE%/}; done
  CHECKS=0 FAILURES=0 REQUESTS=0 TOPICS='' STATUS='' BODY=''
  get /conversation
  [ "$STATUS" != 401 ] || usage_error "GLIA_TOKEN is not accepted (401)"
  [ "$STATUS" = 200 ] || give_up "GET /conversation answers" "$STATUS $BODY"
  CONVERSATION=$(field conversation_id)
  ACTIVE_BEFORE=$(field active_topic_id)
  trap tidy_up EXIT
}

usage_error() {
  printf '%s: %s (--help tells more)\n' "${0##*/}" "$1" >&2
  exit 2
}

# --- checks -------------------------------------------------------------------------------------------------------

ok() {
  CHECKS=$((CHECKS + 1))
  printf 'ok   %s\n' "$1"
}

fail() { # what, what was found instead
  CHECKS=$((CHECKS + 1)) FAILURES=$((FAILURES + 1))
  printf 'FAIL %s\n     found: %s\n' "$1" "${2:0:600}"
}

give_up() { # a failure after which nothing else can be checked
  fail "$1" "$2"
  exit 1
}

check_equal() { # what, expected, found
  if [ "$2" = "$3" ]; then ok "$1"; else fail "$1" "$(one_line "$3"), not $(one_line "$2")"; fi
}

check_has() { # what, text, part
  case $2 in *"$3"*) ok "$1" ;; *) fail "$1" "$2" ;; esac
}

check_lacks() { # what, text, part
  case $2 in *"$3"*) fail "$1" "$2" ;; *) ok "$1" ;; esac
}

check_some() { # what, lines
  if [ -n "$2" ]; then ok "$1"; else fail "$1" "none"; fi
}

check_each() { # what, lines, pattern that each of them matches
  local line
  for line in $2; do
    # shellcheck disable=SC2254  # it is a pattern
    case $line in $3) ;; *) fail "$1" "$line"; return ;; esac
  done
  ok "$1"
}

check_within() { # what, lines, lines among which each of them is
  local line
  for line in $2; do
    case $'\n'$3$'\n' in *$'\n'"$line"$'\n'*) ;; *) fail "$1" "$line"; return ;; esac
  done
  ok "$1"
}

check_unique() { # what, lines
  check_equal "$1" "$(printf '%s\n' "$2" | sort -u)" "$(printf '%s\n' "$2" | sort)"
}

one_line() { printf '%s' "${1:-nothing}" | tr '\n' ' '; }

finish() {
  printf '%d checks, %d failed\n' "$CHECKS" "$FAILURES"
  [ "$FAILURES" = 0 ]
}

# --- requests -----------------------------------------------------------------------------------------------------

get() { request GET "$1"; }
post() { request POST "$1" "$2"; }

# Sets STATUS and BODY. What passes (no connection, 429, 502 to 504) is tried again until the deadline; the
# Idempotency-Key makes that safe for writes. The token stays off the command line, where others could read it.
request() { # method, path, body
  local answer key deadline=$((SECONDS + TIMEOUT))
  REQUESTS=$((REQUESTS + 1))
  key="e2e-$(date +%s)-$$-$RANDOM-$REQUESTS"
  while :; do
    answer=$(curl --silent --show-error --max-time 30 --request "$1" \
      --header @<(printf 'Authorization: Bearer %s\n' "$GLIA_TOKEN") \
      --header 'Content-Type: application/json' --header 'Accept: application/json' \
      --header "Idempotency-Key: $key" ${3:+--data-binary "$3"} \
      --write-out '\n%{http_code}' "$BASE$2" 2>&1) || true
    STATUS=${answer##*$'\n'} BODY=${answer%$'\n'*}
    case $STATUS in 000 | 429 | 502 | 503 | 504) ;; *) return 0 ;; esac
    [ "$SECONDS" -lt "$deadline" ] || give_up "$1 $2 answers within $TIMEOUT s" "$STATUS $BODY"
    sleep 1
  done
}

expect() { # status, what
  [ "$STATUS" = "$1" ] || give_up "$2 answers $1" "$STATUS $BODY"
}

# The values of every field of this name in BODY (or in the text given), one a line: strings without their quotes.
fields() { # name, text
  local rest=${2-$BODY} pattern="\"$1\"[[:space:]]*:[[:space:]]*(\"([^\"\\]*)\"|[^],}[:space:]]+)"
  while [[ $rest =~ $pattern ]]; do
    printf '%s\n' "${BASH_REMATCH[2]:-${BASH_REMATCH[1]}}"
    rest=${rest#*"${BASH_REMATCH[0]}"}
  done
}

# The first of them.
field() { # name, text
  local found
  found=$(fields "$@")
  printf '%s' "${found%%$'\n'*}"
}

# --- Glia ---------------------------------------------------------------------------------------------------------

# Opens a topic of this script's own. Sets TOPIC.
open_topic() { # title
  post /topics "{\"title\": \"$1\"}"
  expect 201 "POST /topics"
  TOPIC=$(field topic_id)
  TOPICS="$TOPICS $TOPIC"
}

# Sends a message to a topic and waits until its turn has ended, however it ends. Sets MESSAGE.
say() { # topic, message
  post /chat "{\"message\": \"$2\", \"topic_id\": \"$1\"}"
  expect 202 "POST /chat"
  MESSAGE=$(field message_id)
  check_equal "message $MESSAGE went to the topic it named" "$1 explicit_topic" "$(field topic_id) $(field rule)"
  wait_for "/turns/$(field turn_id)" "the turn of message $MESSAGE ends" completed failed
}

# Has a topic extracted and waits for the job. Sets BODY to the job.
extract() { # topic
  post "/topics/$1/extract" ''
  expect 202 "POST /topics/{id}/extract"
  wait_for "/jobs/$(field job_id)" "the extraction job ends" "done" dead
  [ "$(field status)" = "done" ] || give_up "the extraction job is done" "$BODY"
}

# Polls an address until its `status` is one of those given.
wait_for() { # path, what, status...
  local path=$1 what=$2 deadline=$((SECONDS + TIMEOUT)) now wanted
  shift 2
  while :; do
    get "$path"
    expect 200 "GET $path"
    now=$(field status)
    for wanted in "$@"; do [ "$now" != "$wanted" ] || return 0; done
    [ "$SECONDS" -lt "$deadline" ] || give_up "$what within $TIMEOUT s" "$BODY"
    sleep 0.3
  done
}

# Each sets BODY to a whole, unpaged list.
list_cards() { get "/topics/$1/cards?limit=200" && expect 200 "GET /topics/{id}/cards"; }
list_runs() { get "/extract-runs?topic_id=$1&limit=200" && expect 200 "GET /extract-runs"; }
list_messages() { get "/conversation/messages?topic_id=$1&limit=200" && expect 200 "GET /conversation/messages"; }

# At the end, whatever it is: the topics of the script are put away, and the user's active topic is active again.
tidy_up() {
  local status=$? topic
  trap - EXIT
  TIMEOUT=5
  (
    for topic in $TOPICS; do request PATCH "/topics/$topic" '{"status": "archived"}'; done
    if [ -n "$TOPICS" ] && [ "$ACTIVE_BEFORE" != null ]; then
      request PATCH "/topics/$ACTIVE_BEFORE" '{"is_active": true}'
    fi
  ) >/dev/null
  exit "$status"
}
