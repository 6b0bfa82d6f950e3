// Flyway behind HTTP, so that one virtual machine serves many cases. Prints its port, then answers
//   POST /migrate or /repair with lines of name=value: url, user, password, folder, schemas (with commas),
//   placeholder.NAME
// with "ok" or with Flyway's own message.

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Executors;
import org.flywaydb.core.Flyway;

public class FlywayServer {
	public static void main(String[] arguments) throws Exception {
		var address = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
		HttpServer server = HttpServer.create(address, 16);
		server.createContext("/", FlywayServer::answer);
		server.setExecutor(Executors.newFixedThreadPool(2));
		server.start();
		System.out.println("port " + server.getAddress().getPort());
	}

	private static void answer(HttpExchange exchange) throws java.io.IOException {
		String text;
		try {
			var body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
			text = run(exchange.getRequestURI().getPath(), values(body));
		} catch (Throwable problem) {
			text = String.valueOf(problem.getMessage());
		}
		byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
		exchange.sendResponseHeaders(200, bytes.length);
		exchange.getResponseBody().write(bytes);
		exchange.close();
	}

	private static Map<String, String> values(String body) {
		var values = new HashMap<String, String>();
		for (String line : body.split("\n")) {
			int at = line.indexOf('=');
			if (at > 0) values.put(line.substring(0, at), line.substring(at + 1));
		}
		return values;
	}

	private static String run(String command, Map<String, String> values) {
		var placeholders = new HashMap<String, String>();
		for (var one : values.entrySet()) {
			if (one.getKey().startsWith("placeholder.")) {
				placeholders.put(one.getKey().substring("placeholder.".length()), one.getValue());
			}
		}
		Flyway flyway = Flyway.configure()
			.dataSource(values.get("url"), values.get("user"), values.get("password"))
			.locations("filesystem:" + values.get("folder"))
			.schemas(values.get("schemas").split(","))
			.placeholders(placeholders)
			// With its default, a lock of a transaction, Flyway waits for itself in CREATE INDEX CONCURRENTLY.
			.configuration(Map.of("flyway.postgresql.transactional.lock", "false"))
			.load();
		if (command.equals("/repair")) flyway.repair();
		else flyway.migrate();
		return "ok";
	}
}
