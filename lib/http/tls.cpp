// SPDX-License-Identifier: Apache-2.0
#include "http/stream.hpp"

namespace openexec::http {

namespace ssl = boost::asio::ssl;

Result<std::unique_ptr<ssl::context>> tls_context(const TlsFiles& files) {
  boost::system::error_code error;
  auto context = std::make_unique<ssl::context>(ssl::context::tls_server);
  // Neither an older version nor compression, and no tickets, whose key would outlive a connection's secrets.
  context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                           ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1 | ssl::context::no_compression |
                           SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION,
                       error);
  if (error) return Status(Code::invalid_argument, "tls: the options cannot be set");
  // The reason of a failure may quote the file, and is not told.
  context->use_certificate_chain_file(files.certificate, error);
  if (error)
    return Status(Code::invalid_argument,
                  "tls certificate: must be a readable PEM file with the chain: " + files.certificate);
  context->use_private_key_file(files.key, ssl::context::pem, error);
  if (error)
    return Status(
        Code::invalid_argument,
        "tls key: must be a readable PEM file with the certificate's private key, not encrypted: " + files.key);
  return context;
}

}  // namespace openexec::http
