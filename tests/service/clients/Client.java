// The story of run.py, by java.net.http. It needs no JSON library: what it looks for are members that stand in an answer
// as they are.
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

public class Client {
  static final HttpClient client = HttpClient.newHttpClient();

  static HttpResponse<String> post(String path, String body, String key) throws Exception {
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(System.getenv("ADDRESS") + path))
        .header("Content-Type", "application/json")
        .POST(HttpRequest.BodyPublishers.ofString(body));
    if (key != null) request.header("Idempotency-Key", key);
    return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  static String member(String json, String name) {
    Matcher found = Pattern.compile("\"" + name + "\":\"([0-9a-f]{64})\"").matcher(json);
    if (!found.find()) throw new IllegalStateException("no " + name + " in " + json);
    return found.group(1);
  }

  static void check(HttpResponse<String> answer, int status, String... parts) {
    boolean good = answer.statusCode() == status;
    for (String part : parts) good = good && answer.body().contains(part);
    if (!good) throw new IllegalStateException(answer.statusCode() + " " + answer.body());
  }

  public static void main(String[] arguments) throws Exception {
    String key = System.getenv("KEY");
    String proposal = "{\"action\":\"add\",\"payload\":{\"a\":2,\"b\":3}}";
    HttpResponse<String> first = post("/execute", proposal, key);
    check(first, 200, "\"approved\":true", "\"replayed\":false", "{\"sum\": 5}");
    String receipt = member(first.body(), "receipt");
    check(post("/execute", proposal, key), 200, "\"replayed\":true", receipt);
    check(post("/execute", proposal.replace("3", "4"), key), 422, "\"code\":\"nonce_conflict\"", "\"approved\":false");
    check(post("/receipts/verify", "{\"exec_id\":\"" + member(first.body(), "id") + "\",\"result\":{\"sum\":5},\"receipt\":\""
        + receipt + "\"}", null), 200, "\"valid\":true", "\"recorded\":true");
    System.out.println("executed, replayed, refused, verified");
  }
}
