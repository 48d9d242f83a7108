#!/usr/bin/env bash
# Publishes a layer's zip with the AWS CLI, as often as one likes: what is there
# already is left alone. `make publish` calls it.
#
#   publish.sh ZIP NAME ARCH [COMMAND…]
#
# NAME-ARCH is the layer, ARCH amd64 or arm64. The command makes the zip, once
# all that can be known before is right. The rest are variables:
#
#   REGIONS       where to, separated by blanks; the AWS CLI's own if empty
#   RUNTIMES      what the layer is for, at most 15; nothing is said if empty
#   LICENSE       an SPDX identifier, or an address
#   BUCKET        uploads through this S3 bucket, which a zip above 50 MB needs,
#                 as NAME-ARCH-DIGEST.zip; {region} in it stands for the region
#   ACCOUNTS      account numbers that may use the version, separated by blanks
#   ORGANIZATION  an organization whose accounts may use it
#   PUBLIC        1: everyone may use it
#   SSM           0: no parameter /graft/layer/NAME/ARCH with the version's ARN
#
# Standard output has the ARN of the version in each region, one a line; standard
# error has every command that changes something.
# Without -u: macOS's bash takes an empty array for an unset one.
set -eo pipefail

die() {
  echo "publish: $*" >&2
  exit 1
}

bucket() { # REGION
  echo "${BUCKET//\{region\}/$1}"
}

run() {
  { printf '+' && printf ' %q' "$@" && echo; } >&2
  "$@"
}

[ $# -ge 3 ] || die "usage: publish.sh ZIP NAME ARCH [COMMAND…]"
zip=$1 layer=$2-$3 parameter=/graft/layer/$2/$3 build=("${@:4}")
case $3 in
amd64) machine=x86_64 ;;
arm64) machine=arm64 ;;
*) die "ARCH: '$3' is neither amd64 nor arm64" ;;
esac
[[ $layer =~ ^[a-zA-Z0-9_-]{1,140}$ ]] || die "NAME: '$2': letters, digits, - and _ make a layer's name"
case ${PUBLIC:-} in '' | 0 | 1) ;; *) die "PUBLIC: '$PUBLIC' is neither 0 nor 1" ;; esac
case ${SSM:-1} in 0 | 1) ;; *) die "SSM: '$SSM' is neither 0 nor 1" ;; esac
read -ra accounts <<<"${ACCOUNTS:-}"
for account in "${accounts[@]}"; do
  [[ $account =~ ^[0-9]{12}$ ]] || die "ACCOUNTS: '$account' is no account number of 12 digits"
done
[[ ${ORGANIZATION:-} =~ ^(o-[a-z0-9]{10,32})?$ ]] || die "ORGANIZATION: '$ORGANIZATION' is none, as o-a1b2c3d4e5"
read -ra runtimes <<<"${RUNTIMES:-}"
[ ${#runtimes[@]} -le 15 ] || die "RUNTIMES: ${#runtimes[@]} of them; Lambda takes 15, and any function may use a layer that names none"
read -ra regions <<<"${REGIONS:-${AWS_REGION:-${AWS_DEFAULT_REGION:-$(aws configure get region || :)}}}"
[ ${#regions[@]} -gt 0 ] || die "REGIONS: say where to"
for region in "${regions[@]}"; do
  [[ $region =~ ^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$ ]] || die "REGIONS: '$region' is no region's name, as eu-central-1"
  [[ -z ${BUCKET:-} || $(bucket "$region") =~ ^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$ ]] || die "BUCKET: '$(bucket "$region")' is no bucket's name"
done

# zipped is called when the zip is there.
zipped() {
  local size
  [ -f "$zip" ] || die "$zip: no such file"
  size=$(wc -c <"$zip")
  [ -n "${BUCKET:-}" ] || [ "$size" -le $((50 << 20)) ] || die "$zip: $((size >> 20)) MB; Lambda takes 50 directly, and more through S3: say BUCKET=NAME"
  digest=$(openssl dgst -sha256 -binary "$zip" | openssl base64 -A)
  key=$(openssl dgst -sha256 "$zip")
  key=$layer-${key##* }.zip
}

# reach finds out whether there are credentials for the region, and the bucket.
reach() { # REGION
  local said
  said=$(aws sts get-caller-identity --region "$1" --query Account --output text 2>&1) ||
    die "$1: no credentials that it takes: $(tail -n 1 <<<"$said")"
  [ -n "${BUCKET:-}" ] || return 0
  said=$(aws s3api head-bucket --region "$1" --bucket "$(bucket "$1")" 2>&1) && return
  # Who may write into a bucket need not be allowed to look at it.
  [[ $said == *'(403)'* ]] || die "$1: BUCKET: $(bucket "$1"): $(tail -n 1 <<<"$said")"
}

# latest prints number and ARN of the layer's newest version, if there is one.
latest() {
  local version
  version=$(aws lambda list-layer-versions --region "$1" --layer-name "$layer" --no-paginate \
    --query 'max_by(LayerVersions, &Version).[Version, LayerVersionArn]' --output text) || return
  [ "$version" = None ] || echo "$version"
}

# same tells whether a version is what would be published.
same() { # REGION VERSION
  local found
  found=$(aws lambda get-layer-version --region "$1" --layer-name "$layer" --version-number "$2" --output text \
    --query "[Content.CodeSha256, LicenseInfo || '', join(' ', sort(CompatibleRuntimes || \`[]\`))]") || exit
  [ "$found" = "$digest"$'\t'"${LICENSE:-}"$'\t'"$(printf '%s\n' "${runtimes[@]}" | LC_ALL=C sort | xargs)" ]
}

# grant lets a principal use a version, unless it may already.
grant() { # REGION VERSION STATEMENT PRINCIPAL [OPTION…]
  local policy
  policy=$(aws lambda get-layer-version-policy --region "$1" --layer-name "$layer" --version-number "$2" \
    --query Policy --output text 2>&1) || [[ $policy == *ResourceNotFoundException* ]] || die "$policy"
  [[ $policy =~ \"Sid\":\ *\"$3\" ]] || run aws lambda add-layer-version-permission --region "$1" --layer-name "$layer" \
    --version-number "$2" --statement-id "$3" --action lambda:GetLayerVersion --principal "${@:4}" >/dev/null
}

publish() { # REGION
  local region=$1 version arn found content=(--zip-file "fileb://$zip") options=()
  version=$(latest "$region")
  read -r version arn <<<"$version"
  if [ -z "$version" ] || ! same "$region" "$version"; then
    if [ -n "${BUCKET:-}" ]; then
      run aws s3 cp --region "$region" --only-show-errors "$zip" "s3://$(bucket "$region")/$key" >&2
      content=(--content "S3Bucket=$(bucket "$region"),S3Key=$key")
    fi
    [ ${#runtimes[@]} = 0 ] || options+=(--compatible-runtimes "${runtimes[@]}")
    [ -z "${LICENSE:-}" ] || options+=(--license-info "$LICENSE")
    version=$(run aws lambda publish-layer-version --region "$region" --layer-name "$layer" "${content[@]}" \
      --compatible-architectures "$machine" "${options[@]}" --query '[Version, LayerVersionArn, Content.CodeSha256]' --output text)
    read -r version arn found <<<"$version"
    # Nobody gets a version, by permission or parameter, that is not this zip.
    [ "$found" = "$digest" ] || die "$arn: what Lambda has is not $zip: its CodeSha256 is $found, the zip's $digest; it was shared with nobody: delete it"
  fi
  for account in "${accounts[@]}"; do
    grant "$region" "$version" "account-$account" "$account"
  done
  [ -z "${ORGANIZATION:-}" ] || grant "$region" "$version" "organization-$ORGANIZATION" '*' --organization-id "$ORGANIZATION"
  [ "${PUBLIC:-0}" = 0 ] || grant "$region" "$version" public '*'
  if [ "${SSM:-1}" = 1 ]; then
    # The parameter that is missing, or that may not be read, is written.
    [ "$(aws ssm get-parameter --region "$region" --name "$parameter" --query Parameter.Value --output text 2>/dev/null || :)" = "$arn" ] ||
      run aws ssm put-parameter --region "$region" --name "$parameter" --type String --overwrite --value "$arn" >/dev/null
  fi
  echo "$arn"
}

[ ${#build[@]} -gt 0 ] || zipped
for region in "${regions[@]}"; do
  reach "$region"
done
if [ ${#build[@]} -gt 0 ]; then
  "${build[@]}" >&2
  zipped
fi
for region in "${regions[@]}"; do
  publish "$region"
done
