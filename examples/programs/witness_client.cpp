// SPDX-License-Identifier: Apache-2.0
#include "witness_client.hpp"

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <cctype>
#include <optional>
#include <string_view>
#include <utility>

namespace openexec::log_commands {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t max_answer = std::size_t{64} << 10;

struct Url {
  bool secure = false;
  std::string host, port, authority, target;
};

bool is_plain(std::string_view text, std::string_view also) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || also.find(c) != also.npos;
  });
}

/// http://HOST[:PORT][/PATH] or https: no user, no query, no spaces; an IPv6 address in brackets.
std::optional<Url> parse(std::string_view text) {
  Url url;
  if (text.starts_with("https://")) {
    url.secure = true;
  } else if (!text.starts_with("http://")) {
    return std::nullopt;
  }
  text.remove_prefix(url.secure ? 8 : 7);
  const std::size_t slash = std::min(text.find('/'), text.size());
  std::string_view path = text.substr(slash);
  text = text.substr(0, slash);
  while (path.ends_with('/')) path.remove_suffix(1);
  url.authority = text;
  url.port = url.secure ? "443" : "80";
  const bool bracketed = text.starts_with('[');
  const std::size_t end = bracketed ? text.find(']') : std::min(text.find(':'), text.size());
  if (end == text.npos) return std::nullopt;
  url.host = text.substr(bracketed ? 1 : 0, bracketed ? end - 1 : end);
  const std::string_view rest = text.substr(bracketed ? end + 1 : end);
  if (!rest.empty()) {
    if (rest.size() < 2 || rest.size() > 6 || rest.front() != ':' ||
        !std::all_of(rest.begin() + 1, rest.end(), [](char c) { return '0' <= c && c <= '9'; }))
      return std::nullopt;
    url.port = rest.substr(1);
  }
  if (url.host.empty() || !is_plain(url.host, bracketed ? ":." : "-._") || !is_plain(path, "/-._~%+@=,"))
    return std::nullopt;
  url.target = std::string(path) + "/add-checkpoint";
  return url;
}

/// One request and its answer. Its members live until everything that was begun has ended or been dropped.
class Exchange {
 public:
  Exchange(Url url, const std::string& body) : url_(std::move(url)), resolver_(io_), stream_(io_, tls_) {
    request_.method(http::verb::post);
    request_.target(url_.target);
    request_.version(11);
    request_.set(http::field::host, url_.authority);
    request_.set(http::field::user_agent, "openexec");
    request_.set(http::field::content_type, "text/plain; charset=utf-8");
    request_.keep_alive(false);
    request_.body() = body;
    request_.prepare_payload();
    parser_.body_limit(max_answer);
  }

  Result<WitnessReply> run(std::chrono::milliseconds patience) {
    error_code error;
    if (url_.secure) {
      tls_.set_default_verify_paths(error);
      stream_.set_verify_mode(asio::ssl::verify_peer, error);
      stream_.set_verify_callback(asio::ssl::host_name_verification(url_.host), error);
      // What the macro SSL_set_tlsext_host_name does, without its old-style cast.
      if (error || SSL_ctrl(stream_.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                            url_.host.data()) != 1)
        return Status(Code::store_failed, "TLS cannot be set up");
    }
    resolver_.async_resolve(url_.host, url_.port, [this](error_code failed, const tcp::resolver::results_type& found) {
      if (went_on("the name", failed)) connect(found);
    });
    io_.run_for(patience);
    if (!ended_) return Status(Code::store_failed, "no answer within " + std::to_string(patience.count()) + " ms");
    if (!why_.empty()) return Status(Code::store_failed, why_);
    return WitnessReply{static_cast<int>(parser_.get().result_int()), std::move(parser_.get().body())};
  }

 private:
  /// False, and the end, where a step failed.
  bool went_on(const char* step, const error_code& failed) {
    if (!failed) return true;
    ended_ = true;
    why_ = std::string(step) + ": " + failed.message();
    return false;
  }

  void connect(const tcp::resolver::results_type& found) {
    beast::get_lowest_layer(stream_).async_connect(found, [this](error_code failed, const tcp::endpoint&) {
      if (!went_on("connecting", failed)) return;
      if (!url_.secure) return exchange(stream_.next_layer());
      stream_.async_handshake(asio::ssl::stream_base::client, [this](error_code untrusted) {
        if (went_on("TLS", untrusted)) exchange(stream_);
      });
    });
  }

  template <class Stream>
  void exchange(Stream& stream) {
    http::async_write(stream, request_, [this, &stream](error_code failed, std::size_t) {
      if (!went_on("asking", failed)) return;
      http::async_read(stream, buffer_, parser_, [this](error_code broken, std::size_t) {
        if (went_on("the answer", broken)) ended_ = true;
      });
    });
  }

  Url url_;
  asio::io_context io_;
  tcp::resolver resolver_;
  asio::ssl::context tls_{asio::ssl::context::tls_client};
  beast::ssl_stream<beast::tcp_stream> stream_;
  http::request<http::string_body> request_;
  beast::flat_buffer buffer_{max_answer * 2};
  http::response_parser<http::string_body> parser_;
  bool ended_ = false;
  std::string why_;
};

}  // namespace

Result<WitnessReply> post_checkpoint(const std::string& url, const std::string& body,
                                     std::chrono::milliseconds patience) try {
  std::optional<Url> parsed = parse(url);
  if (!parsed) return Status(Code::invalid_argument, "must be http://HOST[:PORT][/PATH], or https");
  return Exchange(*std::move(parsed), body).run(patience);
} catch (const std::exception& failed) {
  return Status(Code::store_failed, failed.what());
}

}  // namespace openexec::log_commands
