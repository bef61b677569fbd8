// SPDX-License-Identifier: Apache-2.0
#include "http/reader.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/optional/optional.hpp>

namespace openexec::http {
namespace {

namespace beast = boost::beast;
using beast::http::field;
using Error = boost::system::error_code;
using Wrong = beast::http::error;

constexpr std::size_t head_chunk = 4096;

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

bool is_decimal(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Problem explain(Error error, const Limits& limits) {
  if (error == Wrong::header_limit || error == Wrong::buffer_overflow)
    return {431, "the header is over " + std::to_string(limits.head) + " bytes"};
  if (error == Wrong::body_limit) return {413, "the body is over " + std::to_string(limits.body) + " bytes"};
  if (error == Wrong::bad_version) return {505, "HTTP/1.1 or HTTP/1.0"};
  if (error == Wrong::bad_line_ending) return {400, "a line of the header must end with CR LF (RFC 9112)"};
  if (error == Wrong::bad_obs_fold) return {400, "a header line begins with a blank (obs-fold)"};
  return {400, error.message()};
}

}  // namespace

struct Reader::Impl {
  explicit Impl(Limits chosen) : limits(chosen), buffer(chosen.head) { begin(); }

  [[nodiscard]] std::string_view bytes() const {
    return {static_cast<const char*>(buffer.data().data()), buffer.size()};
  }
  void refuse(Problem why) {
    problem = std::move(why);
    state = State::refused;
  }
  void refuse(Error error) { refuse(explain(error, limits)); }

  void begin();
  void look_at_head();
  void parse_head(std::size_t size);
  [[nodiscard]] std::optional<Problem> head_problem() const;
  [[nodiscard]] std::optional<Problem> length_problem() const;
  void parse_body();

  const Limits limits;
  beast::flat_buffer buffer;
  std::optional<beast::http::request_parser<beast::http::string_body>> parser;
  State state = State::empty;
  std::size_t scanned = 0;  ///< bytes of the buffer in which no head ends
  bool has_head = false;
  Head head;
  Problem problem;
};

void Reader::Impl::begin() {
  parser.emplace();
  parser->header_limit(static_cast<std::uint32_t>(limits.head));
  parser->body_limit(boost::none);  // read_body() sets it: a head alone is answered by the application first
  state = State::empty;
  scanned = 0;
  has_head = false;
  head = {};
}

void Reader::Impl::look_at_head() {
  if (const std::size_t empty = empty_lines(bytes()); empty > 0) {
    buffer.consume(empty);
    scanned = 0;
  }
  const std::string_view now = bytes();
  if (now.empty() || now == "\r") return;  // a CR alone may be half an empty line
  state = State::head;
  // A client that speaks TLS waits for an answer and sends no head at all.
  if (now.front() <= ' ' || now.front() > '~')
    return refuse(Error(now.front() == '\n' ? Wrong::bad_line_ending : Wrong::bad_method));
  if (const std::size_t size = head_size(now, scanned)) return parse_head(size);
  if (has_lone_line_feed(now, scanned)) return refuse(Error(Wrong::bad_line_ending));
  scanned = now.size();
  if (now.size() >= limits.head) refuse(Error(Wrong::header_limit));
}

void Reader::Impl::parse_head(std::size_t size) {
  const std::string_view raw = bytes().substr(0, size);
  if (has_lone_line_feed(raw)) return refuse(Error(Wrong::bad_line_ending));
  if (has_folded_line(raw)) return refuse(Error(Wrong::bad_obs_fold));
  Error error;
  const std::size_t used = parser->put(buffer.data(), error);
  if (error) return refuse(error);
  buffer.consume(used);
  const auto& request = parser->get();
  head.method = view(request.method_string());
  head.target = view(request.target());
  head.version = request.version();
  for (const auto& each : request) head.fields.push_back({view(each.name_string()), view(each.value())});
  has_head = true;
  if (auto wrong = head_problem()) return refuse(*std::move(wrong));
  state = State::headed;
}

std::optional<Problem> Reader::Impl::head_problem() const {
  if (head.version != 11 && head.version != 10) return Problem{505, "HTTP/1.1 or HTTP/1.0"};
  const std::size_t hosts = head.all("Host").size();
  if (hosts > 1 || (head.version == 11 && hosts == 0)) return Problem{400, "exactly one Host field"};
  if (auto wrong = length_problem()) return wrong;
  for (const std::string_view expect : head.all("Expect"))
    if (!beast::iequals(expect, "100-continue")) return Problem{417, "Expect other than 100-continue"};
  return std::nullopt;
}

// Whatever invites two readers to disagree on where a request ends.
std::optional<Problem> Reader::Impl::length_problem() const {
  const auto codings = head.all("Transfer-Encoding");
  const auto lengths = head.all("Content-Length");
  if (lengths.size() > 1 || (lengths.size() == 1 && !is_decimal(lengths.front())))
    return Problem{400, "Content-Length must be one decimal number"};
  if (codings.empty()) return std::nullopt;
  if (head.version == 10) return Problem{400, "Transfer-Encoding in HTTP/1.0"};
  if (!lengths.empty()) return Problem{400, "Content-Length beside Transfer-Encoding"};
  if (codings.size() > 1 || !beast::iequals(codings.front(), "chunked"))
    return Problem{501, "Transfer-Encoding other than chunked"};
  return std::nullopt;
}

void Reader::Impl::parse_body() {
  while (!parser->is_done() && buffer.size() > 0) {
    Error error;
    const std::size_t used = parser->put(buffer.data(), error);
    buffer.consume(used);
    if (error == Wrong::need_more && buffer.size() >= buffer.max_size()) error = Wrong::bad_chunk_extension;
    if (error == Wrong::need_more) return;
    if (error) return refuse(error);
    if (used == 0) return;
  }
  if (parser->is_done()) state = State::whole;
}

Reader::Reader(Limits limits) : impl_(std::make_unique<Impl>(limits)) {}
Reader::Reader(Reader&& other) noexcept = default;
Reader::~Reader() = default;

Reader::State Reader::state() const noexcept { return impl_->state; }

std::span<char> Reader::room() {
  beast::flat_buffer& buffer = impl_->buffer;
  const std::size_t left = buffer.max_size() - buffer.size();
  const auto room = buffer.prepare(impl_->state == State::body ? left : std::min(head_chunk, left));
  return {static_cast<char*>(room.data()), room.size()};
}

void Reader::took(std::size_t bytes) {
  impl_->buffer.commit(bytes);
  if (impl_->state == State::body) return impl_->parse_body();
  impl_->look_at_head();
}

void Reader::ended() {
  if (impl_->state == State::head || impl_->state == State::body) impl_->refuse(Error(Wrong::partial_message));
}

void Reader::read_body() {
  const auto length = impl_->parser->content_length();
  if (length && *length > impl_->limits.body) return impl_->refuse(Error(Wrong::body_limit));
  impl_->state = State::body;
  impl_->parser->body_limit(impl_->limits.body);
  impl_->parser->eager(true);
  impl_->parse_body();
}

bool Reader::awaits_continue() const { return !impl_->head.first("Expect").empty() && impl_->buffer.size() == 0; }

std::string Reader::take_body() { return std::move(impl_->parser->get().body()); }

void Reader::next() {
  impl_->begin();
  impl_->look_at_head();
}

bool Reader::has_head() const noexcept { return impl_->has_head; }
const Head& Reader::head() const noexcept { return impl_->head; }

RequestLine Reader::line() const {
  if (impl_->has_head) return {impl_->head.method, impl_->head.target};
  return request_line(impl_->bytes());
}

std::string_view Reader::known_method() const { return view(beast::http::to_string(impl_->parser->get().method())); }
bool Reader::is_head_method() const { return impl_->has_head && impl_->head.method == "HEAD"; }

bool Reader::keeps_alive() const {
  // A body that was not read ends the connection.
  return impl_->has_head && impl_->parser->is_done() && impl_->parser->get().keep_alive() &&
         impl_->state != State::refused;
}

const Problem& Reader::problem() const noexcept { return impl_->problem; }

}  // namespace openexec::http
