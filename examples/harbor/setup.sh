#!/bin/sh
# Sets up one tenant in Harbor: a project with a quota, a robot with the least rights for builds, retention, and a rule for
# release tags. Run it once per tenant, as an administrator; run again, it says what is there already and goes on.
#
#   HARBOR=https://harbor.example ADMIN=admin:secret PROJECT=team QUOTA_GIB=5 sh setup.sh
#
# The robot's secret is written to robot.json (mode 0600) once, by Harbor's answer; Harbor never shows it again.
set -eu

: "${HARBOR:?the address of Harbor, such as https://harbor.example}"
: "${ADMIN:?user:password of an administrator}"
: "${PROJECT:?the tenant}"
QUOTA_GIB=${QUOTA_GIB:-5}
API=$HARBOR/api/v2.0

# No cookies: with a session Harbor asks for a token against forgery. Answers go to standard output, the status last.
# The password comes from a file, so that it is in no list of processes.
config=$(mktemp)
trap 'rm -f "$config"' EXIT
chmod 600 "$config"
printf 'user = "%s"\n' "$ADMIN" >"$config"
call() {
  method=$1 path=$2
  shift 2
  curl --silent --show-error --config "$config" --request "$method" --header 'Content-Type: application/json' \
    --header 'X-Is-Resource-Name: true' --write-out '\n%{http_code}' "$@" "$API$path"
}
status() { printf '%s\n' "$1" | tail -n 1; }
body() { printf '%s\n' "$1" | sed '$d'; }
expect() {
  what=$1 answer=$2
  case $(status "$answer") in
  2*) echo "$what: done" ;;
  409) echo "$what: there already" ;;
  *)
    echo "$what: $(body "$answer")" >&2
    exit 1
    ;;
  esac
}

# 1. The project. Pushing to one that is missing is answered as a wrong password.
expect "project $PROJECT" "$(call POST /projects --data "{
  \"project_name\": \"$PROJECT\",
  \"storage_limit\": $((QUOTA_GIB * 1024 * 1024 * 1024)),
  \"metadata\": {\"public\": \"false\"}
}")"

# 2. The robot of the build pods. The rights beside pull and push let wharf know the quota before it works, and count what
#    other repositories of the project hold already. It may delete nothing: uploads that failed Harbor forgets by itself.
#    With WHARF_PRUNE_PREVIOUS=1 it needs {"resource": "artifact", "action": "delete"} as well.
umask 077
answer=$(call POST /robots --data "{
  \"name\": \"builder\", \"level\": \"project\", \"duration\": -1, \"disable\": false,
  \"description\": \"builds with wharf\",
  \"permissions\": [{\"kind\": \"project\", \"namespace\": \"$PROJECT\", \"access\": [
    {\"resource\": \"repository\", \"action\": \"push\"},
    {\"resource\": \"repository\", \"action\": \"pull\"},
    {\"resource\": \"repository\", \"action\": \"list\"},
    {\"resource\": \"project\", \"action\": \"read\"},
    {\"resource\": \"quota\", \"action\": \"read\"},
    {\"resource\": \"artifact\", \"action\": \"list\"},
    {\"resource\": \"artifact\", \"action\": \"read\"}
  ]}]
}")
expect "robot builder" "$answer"
[ "$(status "$answer")" = 201 ] && body "$answer" >robot.json

# 3. Retention: of images without a tag the newest three stay. WHARF_PRUNE_PREVIOUS=1 and `wharf prune` free room at once;
#    this is for what they miss. It runs every night.
id=$(body "$(call GET "/projects/$PROJECT")" | sed -n 's/.*"project_id":\([0-9]*\).*/\1/p')
expect retention "$(call POST /retentions --data "{
  \"algorithm\": \"or\",
  \"scope\": {\"level\": \"project\", \"ref\": $id},
  \"trigger\": {\"kind\": \"Schedule\", \"settings\": {\"cron\": \"0 0 3 * * *\"}},
  \"rules\": [
    {\"action\": \"retain\", \"template\": \"always\",
     \"tag_selectors\": [{\"kind\": \"doublestar\", \"decoration\": \"matches\", \"pattern\": \"**\",
       \"extras\": \"{\\\"untagged\\\":false}\"}],
     \"scope_selectors\": {\"repository\": [{\"kind\": \"doublestar\", \"decoration\": \"repoMatches\", \"pattern\": \"**\"}]}},
    {\"action\": \"retain\", \"template\": \"latestPushedK\", \"params\": {\"latestPushedK\": 3},
     \"tag_selectors\": [{\"kind\": \"doublestar\", \"decoration\": \"matches\", \"pattern\": \"**\",
       \"extras\": \"{\\\"untagged\\\":true}\"}],
     \"scope_selectors\": {\"repository\": [{\"kind\": \"doublestar\", \"decoration\": \"repoMatches\", \"pattern\": \"**\"}]}}
  ]
}")"

# 4. Release tags never change. Tags that builds move, such as latest, must not match.
expect "immutable v*" "$(call POST "/projects/$PROJECT/immutabletagrules" --data '{
  "action": "immutable", "template": "immutable_template", "disabled": false,
  "tag_selectors": [{"kind": "doublestar", "decoration": "matches", "pattern": "v*"}],
  "scope_selectors": {"repository": [{"kind": "doublestar", "decoration": "repoMatches", "pattern": "**"}]}
}')"
