#!/bin/sh
# Builds the image, starts all of Atelier in one container that can write nowhere but /data and /tmp, and asks it a question.
# Arguments go to `docker build` and to `docker run`, e.g. --network=host.
set -eu
cd "$(dirname "$0")/.."
image=${ATELIER_IMAGE:-atelier:0.1.0}
name=atelier-image-$$
seconds_max=180

say() { printf '%s\n' "$*"; }
inside() { docker exec --interactive "$name" "$@"; }
state() { docker inspect --format "{{.State.$1}}" "$name"; }

DOCKER_BUILDKIT=1 docker build "$@" --tag "$image" .
say "$image has $(($(docker image inspect --format '{{.Size}}' "$image") / 1000000)) MB."

begun=$(date +%s)
docker run --detach --name "$name" --init --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
    --env ATELIER_PORT="${ATELIER_PORT:-8000}" --env ATELIER_RUNTIME_PORT="${ATELIER_RUNTIME_PORT:-8001}" \
    "$@" "$image" >/dev/null
trap 'docker rm --force --volumes "$name" >/dev/null' EXIT
until [ "$(state Health.Status)" = healthy ] && docker logs "$name" 2>&1 | grep -q 'token='; do
    if [ "$(state Running)" = false ] || [ $(($(date +%s) - begun)) -gt $seconds_max ]; then
        docker logs "$name" >&2
        say "It did not become healthy." >&2
        exit 1
    fi
    sleep 1
done
docker logs "$name" 2>&1 | sed -n 's/^\(Atelier is ready.*\): .*/\1/p'

[ "$(inside id -u)" != 0 ]
inside sh -c '! command -v node && ! command -v bun && ! command -v npm && ! touch /app/x 2>/dev/null'
docker logs "$name" 2>&1 | sed -n 's/.*token=//p' | inside python -c "$(cat scripts/image_question.py)"
begun=$(date +%s)
docker stop --time 40 "$name" >/dev/null
say "Stopped after $(($(date +%s) - begun)) s with exit code $(state ExitCode)."
