#!/usr/bin/env bash
# Topic isolation, idempotency and the absence of cross-topic collisions, checked over HTTP (foundation v0.2.0).
set -u -o pipefail
. "$(dirname "${BASH_SOURCE[0]}")/e2e_lib.sh"

usage() {
  cat <<'HELP'
Checks a running Glia: cards and extract runs are isolated by topic, and extracting again changes nothing.

Usage: GLIA_URL=... GLIA_TOKEN=... scripts/e2e_cards_topic_scope.sh

  GLIA_URL          address of the API, with its stage prefix if it has one: http://127.0.0.1:8765, https://.../api
  GLIA_TOKEN        a token or an API key of the user whose data is used
  GLIA_E2E_TIMEOUT  seconds to wait for any one thing (default 60)

Works in topics of its own, which it archives at the end; the user's other data stays as it is.
One line a check. Exit: 0 all hold, 1 one does not, 2 usage.
HELP
}

case ${1:-} in
  -h | --help) usage; exit 0 ;;
  '') ;;
  *) printf '%s: unknown argument %s (--help tells more)\n' "${0##*/}" "$1" >&2; exit 2 ;;
esac
setup

SHARED='We decided to keep the weekly review on Friday afternoon.'
HARBOUR='We decided to use the harbour ledger for storage. I prefer short commit messages.'
ORCHARD='Switch topic: we decided to plant the orchard with pear trees. What does the fence cost?'

# What a topic holds, settled: MESSAGE_IDS, CARD_IDS, CARDS, RUNS, RUN_IDS.
look_at() { # topic
  list_messages "$1"; MESSAGE_IDS=$(fields message_id)
  list_runs "$1"; RUNS=$BODY RUN_IDS=$(fields run_id | sort)
  list_cards "$1"; CARDS=$BODY CARD_IDS=$(fields card_id)
}

check_topic() { # name, topic
  look_at "$2"
  check_some "$1 has cards" "$CARD_IDS"
  check_each "$1: every card id is t:{topic_id}:..." "$CARD_IDS" "t:$2:?*"
  check_each "$1: every card belongs to it" "$(fields topic_id "$CARDS")" "$2"
  check_within "$1: every citation is of one of its messages" "$(fields message_id "$CARDS")" "$MESSAGE_IDS"
  check_some "$1 has a finished run" "$(fields status "$RUNS" | grep -x finished)"
  check_each "$1: every run belongs to it" "$(fields topic_id "$RUNS")" "$2"
  check_unique "$1: one run a source" "$(fields source_hash "$RUNS")"
  check_within "$1: its cards come from one of its runs" "$(fields run_id "$CARDS")" "$RUN_IDS"
  check_equal "$1: the newest run names the range of messages it read" "$(message_range)" "$(run_range)"
}

message_range() { printf '%s %s %s' "${MESSAGE_IDS%%$'\n'*}" "${MESSAGE_IDS##*$'\n'}" "$(printf '%s\n' "$MESSAGE_IDS" | grep -c .)"; }
run_range() {
  printf '%s %s %s' "$(field messages_range_start_id "$RUNS")" "$(field messages_range_end_id "$RUNS")" \
    "$(field message_count "$RUNS")"
}

open_topic "e2e harbour"; A=$TOPIC
open_topic "e2e orchard"; B=$TOPIC
say "$A" "$HARBOUR"
say "$B" "$ORCHARD"
say "$A" "$SHARED"
say "$B" "$SHARED"
extract "$A"
extract "$B"

check_topic "topic A" "$A"
A_IDS=$CARD_IDS A_CARDS=$CARDS A_RUNS=$RUNS A_RUN_IDS=$RUN_IDS A_MESSAGES=$MESSAGE_IDS
check_topic "topic B" "$B"
B_IDS=$CARD_IDS
check_unique "no card id is in both topics, though both hold the same sentence" "$A_IDS"$'\n'"$B_IDS"
check_unique "no message is in both topics" "$A_MESSAGES"$'\n'"$MESSAGE_IDS"
check_unique "no run is in both topics" "$A_RUN_IDS"$'\n'"$RUN_IDS"
check_lacks "nothing said in B is in A's cards" "$A_CARDS" "orchard"
check_lacks "nothing said in A is in B's cards" "$CARDS" "harbour"

extract "$A"; FIRST=$(field run_id)
extract "$A"; SECOND=$(field run_id)
look_at "$A"
check_equal "extracted again and again, A comes from the same run" "$FIRST" "$SECOND"
check_equal "A has the same runs as before" "$A_RUN_IDS" "$RUN_IDS"
check_unique "A has one run a source" "$(fields source_hash "$RUNS")"
if [ "$(field fallback_used "$A_RUNS")" = true ]; then
  printf 'skip A has the same cards as before (the model failed, and a new job may do better than the rules did)\n'
else
  check_equal "A has the same card ids as before" "$A_IDS" "$CARD_IDS"
  check_equal "A's cards are the same to the letter" "$A_CARDS" "$CARDS"
fi

A_CARDS=$CARDS
say "$B" "We decided to sell the apples of the orchard in October."
extract "$B"
check_topic "topic B with another message" "$B"
check_within "what B had keeps its ids" "$B_IDS" "$CARD_IDS"
look_at "$A"
check_equal "A has not noticed: the same cards" "$A_CARDS" "$CARDS"
check_equal "A has not noticed: the same runs" "$A_RUN_IDS" "$RUN_IDS"
finish
