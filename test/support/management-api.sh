# Buys a month of the europe block in the first pool, creates a key for it, and asks the model one question.
# Makes the requests of the Management API document's closing example, in its order.
#
# Environment: API_HOST, without a path; MANAGEMENT_KEY.
set -eu

call() { # method, path, key, and the body if there is one
  curl --silent --show-error --request "$1" "$API_HOST$2" \
    --header "Authorization: Bearer $3" \
    ${4:+--header 'Content-Type: application/json' --data "$4"}
}

manage() { call "$1" "/api/$2" "$MANAGEMENT_KEY" "${3:-}"; }

pool=$(manage GET pools | jq --raw-output 'first(.data[]).slug')

order=$(jq --null-input --compact-output '{blocks: ["europe"], quantity: 1, billingCycle: "month"}')
manage POST "pools/$pool/subscribe" "$order" >&2

subscription=$(manage GET billing/status | jq --raw-output 'first(.data.poolPledges[]).id')

request=$(jq --null-input --compact-output --arg id "$subscription" '{name: "my-app", subscriptionId: $id}')
secret=$(manage POST keys/subscription "$request" | jq --raw-output .data.apiKey)

question=$(jq --null-input --compact-output '{model: "kimi-k2.6", messages: [{role: "user", content: "Hello!"}]}')
call POST /v1/chat/completions "$secret" "$question"
