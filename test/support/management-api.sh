MK="mk_your_management_key"
API="https://api.cheapestinference.com/api"
# 1. Pick a pool and subscribe to a time block (e.g. Europe), billed monthly
POOL_SLUG=$(curl -s $API/pools -H "Authorization: Bearer $MK" | jq -r '.data[0].slug')
curl -s -X POST $API/pools/$POOL_SLUG/subscribe \
-H "Authorization: Bearer $MK" \
-H "Content-Type: application/json" \
-d '{"blocks": ["europe"], "quantity": 1, "billingCycle": "month"}'
# 2. Check status and grab the pool subscription ID
STATUS=$(curl -s $API/billing/status -H "Authorization: Bearer $MK")
SUB_ID=$(echo $STATUS | jq -r '.data.poolPledges[0].id')
# 3. Create a key
KEY=$(curl -s -X POST $API/keys/subscription \
-H "Authorization: Bearer $MK" \
-H "Content-Type: application/json" \
-d "{\"name\": \"my-app\", \"subscriptionId\": \"$SUB_ID\"}" | jq -r '.data.apiKey')
# 4. Use it
curl https://api.cheapestinference.com/v1/chat/completions \
-H "Authorization: Bearer $KEY" \
-H "Content-Type: application/json" \
-d '{"model": "kimi-k2.6", "messages": [{"role": "user", "content": "Hello!"}]}'
