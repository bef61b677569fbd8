# SPDX-License-Identifier: Apache-2.0
# SBOM.spdx.json (SPDX 2.3): what OpenExec is made of, in the versions that this build found. Installed with the library,
# and beside the build's other files.

# openexec_sbom_package(id name version supplier license purl linked): appends to `packages` and `relationships`.
function(openexec_sbom_package id name version supplier license purl)
  if(NOT version)
    set(version NOASSERTION)
  endif()
  string(APPEND packages ",
    {
      \"SPDXID\": \"SPDXRef-${id}\",
      \"name\": \"${name}\",
      \"versionInfo\": \"${version}\",
      \"supplier\": \"${supplier}\",
      \"downloadLocation\": \"NOASSERTION\",
      \"filesAnalyzed\": false,
      \"licenseConcluded\": \"${license}\",
      \"licenseDeclared\": \"${license}\",
      \"copyrightText\": \"NOASSERTION\",
      \"externalRefs\": [
        {\"referenceCategory\": \"PACKAGE-MANAGER\", \"referenceType\": \"purl\", \"referenceLocator\": \"${purl}@${version}\"}
      ]
    }")
  string(APPEND relationships ",
    {\"spdxElementId\": \"SPDXRef-OpenExec\", \"relationshipType\": \"DEPENDS_ON\", \"relatedSpdxElement\": \"SPDXRef-${id}\"}")
  set(packages "${packages}" PARENT_SCOPE)
  set(relationships "${relationships}" PARENT_SCOPE)
endfunction()

set(packages "")
set(relationships "")
if(OPENEXEC_OPENSSL_VERSION MATCHES "<3")
  openexec_sbom_package(AWS-LC AWS-LC "" "Organization: Amazon Web Services" "Apache-2.0" pkg:github/aws/aws-lc)
else()
  openexec_sbom_package(OpenSSL OpenSSL "${OPENSSL_VERSION}" "Organization: OpenSSL" "Apache-2.0"
    pkg:github/openssl/openssl)
endif()
openexec_sbom_package(SQLite SQLite "${SQLite3_VERSION}" "Organization: SQLite" "blessing" pkg:github/sqlite/sqlite)
openexec_sbom_package(simdjson simdjson "${simdjson_VERSION}" "Organization: simdjson" "Apache-2.0"
  pkg:github/simdjson/simdjson)
if(OPENEXEC_RE2_LIBRARIES)
  openexec_sbom_package(RE2 RE2 "${re2_VERSION}" "Organization: Google" "BSD-3-Clause" pkg:github/google/re2)
endif()
if(OPENEXEC_ED25519 STREQUAL "sodium")
  openexec_sbom_package(libsodium libsodium "${sodium_VERSION}" "Person: Frank Denis" "ISC" pkg:github/jedisct1/libsodium)
endif()
if(OPENEXEC_BUILD_SERVICE OR OPENEXEC_BUILD_TOOLS)
  openexec_sbom_package(Boost Boost "${Boost_VERSION_STRING}" "Organization: Boost" "BSL-1.0" pkg:github/boostorg/boost)
endif()
if(OPENEXEC_BUILD_TOOLS)
  openexec_sbom_package(CLI11 CLI11 "${CLI11_VERSION}" "Organization: CLIUtils" "BSD-3-Clause" pkg:github/CLIUtils/CLI11)
endif()

# The date and the name follow from the sources: SOURCE_DATE_EPOCH where it is set, and else the first day that counts.
set(created "1970-01-01T00:00:00Z")
if(DEFINED ENV{SOURCE_DATE_EPOCH})
  string(TIMESTAMP created "%Y-%m-%dT%H:%M:%SZ" UTC)
endif()
string(SHA256 fingerprint "${PROJECT_VERSION} ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION} ${packages}")
string(SUBSTRING "${fingerprint}" 0 32 fingerprint)
set(OPENEXEC_SBOM "${PROJECT_BINARY_DIR}/SBOM.spdx.json")
file(CONFIGURE OUTPUT "${OPENEXEC_SBOM}" @ONLY CONTENT [[{
  "spdxVersion": "SPDX-2.3",
  "dataLicense": "CC0-1.0",
  "SPDXID": "SPDXRef-DOCUMENT",
  "name": "OpenExec-@PROJECT_VERSION@",
  "documentNamespace": "https://openexec.invalid/spdx/@PROJECT_VERSION@/@fingerprint@",
  "creationInfo": {
    "created": "@created@",
    "creators": ["Tool: OpenExec-cmake-@PROJECT_VERSION@", "Organization: The OpenExec developers"],
    "comment": "Built with @CMAKE_CXX_COMPILER_ID@ @CMAKE_CXX_COMPILER_VERSION@."
  },
  "packages": [
    {
      "SPDXID": "SPDXRef-OpenExec",
      "name": "OpenExec",
      "versionInfo": "@PROJECT_VERSION@",
      "supplier": "Organization: The OpenExec developers",
      "downloadLocation": "NOASSERTION",
      "filesAnalyzed": false,
      "licenseConcluded": "Apache-2.0",
      "licenseDeclared": "Apache-2.0",
      "copyrightText": "NOASSERTION",
      "primaryPackagePurpose": "LIBRARY"
    }@packages@
  ],
  "relationships": [
    {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-OpenExec"}@relationships@
  ]
}
]])
install(FILES "${OPENEXEC_SBOM}" DESTINATION "share/doc/libopenexec-dev" COMPONENT development)
