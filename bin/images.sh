#!/usr/bin/env bash
# The images of all services, by docker buildx.
#
#   bin/images.sh build     build each for this machine, tagged istioinaction/NAME:RELEASE (make images)
#   bin/images.sh release   build each for amd64 and arm64, with bill of materials and provenance, push it to
#                           $IMAGE_REGISTRY/NAME:RELEASE, and list the digests in dist/images.txt (make release-images)
#
# RELEASE is the version in pyproject.toml; RELEASE_TAG, where it is set, has to be v and that version.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

die() { printf 'images.sh: %s\n' "$*" >&2; exit 1; }
say() { printf '\033[1m==> %s\033[0m\n' "$*"; }

release=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)

# images: a line for each image: its name, its Dockerfile, and what else docker is to be told.
images() {
  local file service version
  for file in Dockerfile.catalog Dockerfile.webapp; do
    echo "${file#Dockerfile.} $file"
  done
  [[ -e Dockerfile.bookinfo ]] || return 0
  while read -r service version; do
    echo "examples-bookinfo-$service-$version Dockerfile.bookinfo --build-arg SERVICE=$service --build-arg SERVICE_VERSION=$version"
  done < <(bookinfo)
}

bookinfo() {
  printf '%s\n' 'productpage v1' 'details v1' 'reviews v1' 'reviews v2' 'reviews v3' 'ratings v1'
}

# buildx NAME DOCKERFILE ARGUMENT…: build one image from the checkout.
buildx() {
  say "$1"
  docker buildx build -f "$2" --build-arg "VERSION=$release" --build-arg "REVISION=$revision" "${@:3}" .
}

build() {
  local name file more
  while read -r name file more; do
    # shellcheck disable=SC2086 # the arguments of one line are several words
    buildx "$name" "$file" $more --load -t "istioinaction/$name:$release" </dev/null
  done < <(images)
}

release() {
  local name file more metadata digest
  [[ -n ${IMAGE_REGISTRY-} ]] || die "IMAGE_REGISTRY says where the images go: HOST/OWNER, after docker login HOST"
  [[ ${RELEASE_TAG-v$release} == "v$release" ]] ||
    die "the tag is $RELEASE_TAG, but pyproject.toml says $release: change the one or the other"
  mkdir -p dist
  : >dist/images.txt
  while read -r name file more; do
    metadata=$(mktemp)
    # shellcheck disable=SC2086 # the arguments of one line are several words
    buildx "$name" "$file" $more --platform linux/amd64,linux/arm64 --sbom=true --provenance=mode=max \
      --push --metadata-file "$metadata" -t "$IMAGE_REGISTRY/$name:$release" </dev/null
    digest=$(sed -n 's/.*"containerimage.digest": *"\([^"]*\)".*/\1/p' "$metadata" | head -n 1)
    rm -f "$metadata"
    [[ -n $digest ]] || die "docker told no digest of $name"
    echo "$IMAGE_REGISTRY/$name:$release@$digest" | tee -a dist/images.txt
  done < <(images)
  say "Pushed; the digests are in dist/images.txt"
}

case ${1-} in
  build | release)
    command -v docker >/dev/null || die "docker is not on the PATH: https://docs.docker.com/engine/install/"
    "$1"
    ;;
  *) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p;}' "${BASH_SOURCE[0]}"; exit 2 ;;
esac
