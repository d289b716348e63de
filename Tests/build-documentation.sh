#!/bin/bash
# Builds the reference documentation of every module with DocC, as a check: a comment that names a symbol or a parameter
# which is not there fails. Parameters that a comment leaves out because their names say it all are no finding.
#   Tests/build-documentation.sh          after `swift build`; leaves the pages in .build/documentation
set -uo pipefail
cd "$(dirname "$0")/.."

out=.build/documentation
rm -rf "$out"
mkdir -p "$out/graphs"
swift package dump-symbol-graph --minimum-access-level package --skip-synthesized-members >"$out/log" 2>&1 || {
    cat "$out/log" >&2
    exit 1
}
graphs=$(sed -n 's/^Files written to //p' "$out/log")
findings=0
for graph in "$graphs"/*.symbols.json; do
    module=$(basename "$graph" .symbols.json)
    [[ $module == *@* || $module == *Test* ]] && continue
    mkdir "$out/graphs/$module"
    cp "$graph" "$out/graphs/$module/"
    find "$graphs" -name "$module@*.symbols.json" -exec cp {} "$out/graphs/$module/" \;
    docc convert --additional-symbol-graph-dir "$out/graphs/$module" --fallback-display-name "$module" \
        --fallback-bundle-identifier "tokenward.$module" --output-path "$out/$module" >"$out/$module.log" 2>&1
    status=$?
    found=$(awk -v RS= '/^(warning|error):/ && !/is missing documentation/' "$out/$module.log")
    if [[ $status -ne 0 || -n $found ]]; then
        printf '── %s\n%s\n' "$module" "${found:-$(tail -n 20 "$out/$module.log")}"
        findings=$((findings + 1))
    fi
    modules=$((${modules:-0} + 1))
done
echo "Documentation of ${modules:-0} modules built, $findings with findings."
[[ $findings -eq 0 && ${modules:-0} -gt 0 ]]
