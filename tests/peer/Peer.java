import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.pulsar.client.admin.PulsarAdmin;
import org.apache.pulsar.client.admin.PulsarAdminBuilder;
import org.apache.pulsar.client.admin.PulsarAdminException;
import org.apache.pulsar.client.api.AuthenticationFactory;
import org.apache.pulsar.client.api.ClientBuilder;
import org.apache.pulsar.client.api.CompressionType;
import org.apache.pulsar.client.api.Consumer;
import org.apache.pulsar.client.api.Message;
import org.apache.pulsar.client.api.MessageId;
import org.apache.pulsar.client.api.MessageIdAdv;
import org.apache.pulsar.client.api.Producer;
import org.apache.pulsar.client.api.ProducerBuilder;
import org.apache.pulsar.client.api.PulsarClient;
import org.apache.pulsar.client.api.Reader;
import org.apache.pulsar.client.api.Schema;
import org.apache.pulsar.client.api.SubscriptionInitialPosition;
import org.apache.pulsar.client.api.SubscriptionType;
import org.apache.pulsar.client.api.TypedMessageBuilder;
import org.apache.pulsar.client.impl.MessageImpl;
import org.apache.pulsar.client.impl.TopicMessageImpl;
import org.apache.pulsar.common.policies.data.RetentionPolicies;
import org.apache.pulsar.common.schema.SchemaInfo;
import org.apache.pulsar.common.util.ObjectMapperFactory;
import org.apache.pulsar.packages.management.core.common.PackageMetadata;

/**
 * The tests' other side: Pulsar's own Java client, driven by one JSON command per line.
 *
 * <p>A command is {"id": 1, "do": "produce", "service": "pulsar://…", "web": "http://…", …}; its
 * answer, on standard output, {"id": 1, "ok": …} or {"id": 1, "error": "…"}. Commands run
 * concurrently. Run it from source, with the jars of a Pulsar distribution:
 * java -cp "$PULSAR_HOME/lib/*" Peer.java
 */
public class Peer {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Pattern FIELD = Pattern.compile("%(id|n|count|key|pad|choice:[^%]*)%");

    private final PrintStream answers;
    private final Map<String, PulsarClient> clients = new ConcurrentHashMap<>();
    private final Map<String, PulsarAdmin> admins = new ConcurrentHashMap<>();

    private Peer(PrintStream answers) {
        this.answers = answers;
    }

    public static void main(String[] args) throws Exception {
        PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        // Whatever logs to the console must not come between the answers.
        System.setOut(System.err);
        new Peer(answers).serve();
        System.exit(0);
    }

    private void serve() throws Exception {
        ExecutorService workers = Executors.newCachedThreadPool();
        answer(JSON.createObjectNode().put("ready", true));
        BufferedReader commands =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            JsonNode command = JSON.readTree(line);
            workers.submit(() -> {
                ObjectNode answer = JSON.createObjectNode().put("id", command.get("id").asLong());
                try {
                    answer.set("ok", carryOut(command));
                } catch (Throwable failure) {
                    answer.put("error", failure.toString());
                }
                answer(answer);
            });
        }
    }

    private synchronized void answer(ObjectNode answer) {
        answers.println(answer);
    }

    private JsonNode carryOut(JsonNode command) throws Exception {
        return switch (command.get("do").asText()) {
            case "namespace" -> namespace(command);
            case "topic" -> topic(command);
            case "delete" -> delete(command);
            case "subscribe" -> subscribe(command);
            case "unload" -> unload(command);
            case "topics" -> JSON.valueToTree(admin(command).topics().getList(text(command, "namespace")));
            case "stats" -> stats(command);
            case "schema" -> schema(command);
            case "upload" -> upload(command);
            case "produce" -> produce(command);
            case "send" -> send(command);
            case "read" -> read(command);
            case "unsettled" -> unsettled(command);
            case "verify" -> verify(command);
            default -> throw new IllegalArgumentException("unknown command " + command);
        };
    }

    // What the admin API does.

    private JsonNode namespace(JsonNode command) throws Exception {
        String name = text(command, "namespace");
        PulsarAdmin admin = admin(command);
        String tenant = name.substring(0, name.indexOf('/'));
        if (!admin.namespaces().getNamespaces(tenant).contains(name)) {
            // Clusters as in the tenant's default namespace.
            admin.namespaces().createNamespace(name, Set.of("standalone"));
        }
        // Tests look at topics after everybody has left them.
        admin.namespaces().setRetention(name, new RetentionPolicies(-1, -1));
        return JSON.nullNode();
    }

    private JsonNode topic(JsonNode command) throws Exception {
        int partitions = command.path("partitions").asInt(0);
        if (partitions > 0) {
            admin(command).topics().createPartitionedTopic(text(command, "topic"), partitions);
        } else {
            admin(command).topics().createNonPartitionedTopic(text(command, "topic"));
        }
        return JSON.nullNode();
    }

    private JsonNode delete(JsonNode command) throws Exception {
        String topic = text(command, "topic");
        try {
            if (admin(command).topics().getPartitionedTopicMetadata(topic).partitions > 0) {
                admin(command).topics().deletePartitionedTopic(topic, true);
            } else {
                admin(command).topics().delete(topic, true);
            }
        } catch (PulsarAdminException.NotFoundException gone) {
            return JSON.getNodeFactory().booleanNode(false);
        }
        return JSON.getNodeFactory().booleanNode(true);
    }

    private JsonNode subscribe(JsonNode command) throws Exception {
        MessageId from = command.path("latest").asBoolean(false) ? MessageId.latest : MessageId.earliest;
        admin(command).topics()
                .createSubscription(text(command, "topic"), text(command, "subscription"), from);
        return JSON.nullNode();
    }

    private JsonNode unload(JsonNode command) throws Exception {
        admin(command).topics().unload(text(command, "topic"));
        return JSON.nullNode();
    }

    private JsonNode stats(JsonNode command) throws Exception {
        String topic = text(command, "topic");
        ObjectMapper pulsar = ObjectMapperFactory.create();
        if (admin(command).topics().getPartitionedTopicMetadata(topic).partitions > 0) {
            return pulsar.valueToTree(admin(command).topics().getPartitionedStats(topic, false));
        }
        return pulsar.valueToTree(admin(command).topics().getStats(topic, true));
    }

    private JsonNode schema(JsonNode command) throws Exception {
        try {
            SchemaInfo info = admin(command).schemas().getSchemaInfo(text(command, "topic"));
            return JSON.createObjectNode()
                    .put("type", info.getType().name())
                    .put("name", info.getName())
                    .put("definition", new String(info.getSchema(), StandardCharsets.UTF_8));
        } catch (PulsarAdminException.NotFoundException none) {
            return JSON.nullNode();
        }
    }

    private JsonNode upload(JsonNode command) throws Exception {
        PackageMetadata metadata = PackageMetadata.builder().description("a test's").build();
        admin(command).packages().upload(metadata, text(command, "package"), text(command, "file"));
        return JSON.nullNode();
    }

    // What a producer does.

    /** Messages first..first+count, "batch" of them in every entry (1: sent alone). */
    private JsonNode produce(JsonNode command) throws Exception {
        long first = command.path("first").asLong(0);
        long count = command.get("count").asLong();
        int batch = command.path("batch").asInt(1);
        Text payload = new Text(command, "payload");
        AtomicReference<Throwable> failure = new AtomicReference<>();
        long started = System.nanoTime();
        try (Producer<byte[]> producer = producer(command, batch).create()) {
            for (long id = first; id < first + count && failure.get() == null; id++) {
                TypedMessageBuilder<byte[]> message =
                        producer.newMessage().value(payload.of(id).getBytes(StandardCharsets.UTF_8));
                if (payload.keys > 0) {
                    message.key(payload.key(id));
                }
                properties(command).forEach(message::property);
                message.sendAsync().exceptionally(error -> {
                    failure.compareAndSet(null, error);
                    return null;
                });
            }
            producer.flush();
        }
        if (failure.get() != null) {
            throw new IllegalStateException("not all was produced", failure.get());
        }
        return JSON.createObjectNode().put("seconds", (System.nanoTime() - started) / 1e9);
    }

    private ProducerBuilder<byte[]> producer(JsonNode command, int batch) throws Exception {
        ProducerBuilder<byte[]> builder = client(command)
                .newProducer()
                .topic(text(command, "topic"))
                .compressionType(CompressionType.valueOf(command.path("compression").asText("NONE")))
                .maxPendingMessages(Math.max(20_000, 10 * batch))
                .blockIfQueueFull(true)
                .sendTimeout(0, TimeUnit.SECONDS);
        if (batch == 1) {
            return builder.enableBatching(false);
        }
        // Only a full batch leaves by itself, so that every entry but the last has that many.
        return builder.enableBatching(true)
                .batchingMaxMessages(batch)
                .batchingMaxBytes(4 << 20)
                .batchingMaxPublishDelay(1, TimeUnit.HOURS);
    }

    /** The given messages, in one entry if "together"; answers their ids. */
    private JsonNode send(JsonNode command) throws Exception {
        JsonNode messages = command.get("messages");
        boolean together = command.path("together").asBoolean(false);
        List<CompletableFuture<MessageId>> sent = new ArrayList<>();
        if ("STRING".equals(command.path("schema").asText())) {
            // Registers the schema, as a producer of strings does.
            client(command).newProducer(Schema.STRING).topic(text(command, "topic")).create().close();
        }
        try (Producer<byte[]> producer =
                producer(command, together ? Math.max(2, messages.size()) : 1).create()) {
            for (JsonNode given : messages) {
                TypedMessageBuilder<byte[]> message = producer.newMessage().value(payload(given));
                if (given.has("key")) {
                    message.key(given.get("key").asText());
                }
                if (given.has("eventTime")) {
                    message.eventTime(given.get("eventTime").asLong());
                }
                properties(given).forEach(message::property);
                sent.add(message.sendAsync());
            }
            producer.flush();
        }
        ArrayNode ids = JSON.createArrayNode();
        for (CompletableFuture<MessageId> id : sent) {
            ids.add(id.get().toString());
        }
        return ids;
    }

    private static byte[] payload(JsonNode given) {
        return given.has("base64")
                ? Base64.getDecoder().decode(given.get("base64").asText())
                : given.get("payload").asText().getBytes(StandardCharsets.UTF_8);
    }

    // What a consumer does.

    /** Messages from the start of a topic: "max" of them, or those there within "millis". */
    private JsonNode read(JsonNode command) throws Exception {
        int max = command.path("max").asInt(Integer.MAX_VALUE);
        long deadline = System.currentTimeMillis() + command.path("millis").asLong(10_000);
        ArrayNode messages = JSON.createArrayNode();
        try (Reader<byte[]> reader = reader(command, List.of(text(command, "topic")))) {
            while (messages.size() < max) {
                long left = deadline - System.currentTimeMillis();
                Message<byte[]> message = left > 0 ? reader.readNext((int) left, TimeUnit.MILLISECONDS) : null;
                if (message == null) {
                    break;
                }
                messages.add(describe(message));
            }
        }
        return messages;
    }

    /** What a subscription still owes its consumers, as one of them would get it; none is acknowledged. */
    private JsonNode unsettled(JsonNode command) throws Exception {
        int max = command.path("max").asInt(Integer.MAX_VALUE);
        long quiet = command.path("quietMillis").asLong(2_000);
        ArrayNode messages = JSON.createArrayNode();
        try (Consumer<byte[]> consumer = client(command)
                .newConsumer()
                .topic(text(command, "topic"))
                .subscriptionName(text(command, "subscription"))
                .subscriptionType(SubscriptionType.valueOf(command.path("type").asText("Shared")))
                .subscriptionInitialPosition(SubscriptionInitialPosition.Earliest)
                .receiverQueueSize(10_000)
                .subscribe()) {
            while (messages.size() < max) {
                Message<byte[]> message = consumer.receive((int) quiet, TimeUnit.MILLISECONDS);
                if (message == null) {
                    break;
                }
                messages.add(describe(message));
            }
        }
        return messages;
    }

    private static ObjectNode describe(Message<byte[]> message) {
        MessageIdAdv id = (MessageIdAdv) message.getMessageId();
        ObjectNode described = JSON.createObjectNode()
                .put("topic", message.getTopicName())
                .put("payload", new String(message.getData(), StandardCharsets.UTF_8))
                .put("base64", Base64.getEncoder().encodeToString(message.getData()))
                .put("eventTime", message.getEventTime())
                .put("publishTime", message.getPublishTime())
                .put("producer", message.getProducerName())
                .put("sequenceId", message.getSequenceId())
                .put("redeliveryCount", message.getRedeliveryCount())
                .put("compression", compression(message));
        described.putObject("id")
                .put("ledger", id.getLedgerId())
                .put("entry", id.getEntryId())
                .put("partition", id.getPartitionIndex())
                .put("batchIndex", id.getBatchIndex())
                .put("batchSize", id.getBatchSize());
        if (message.hasKey()) {
            described.put("key", message.getKey());
        }
        described.set("properties", JSON.valueToTree(message.getProperties()));
        return described;
    }

    private static String compression(Message<byte[]> message) {
        Message<?> single = message instanceof TopicMessageImpl<?> of ? of.getMessage() : message;
        return ((MessageImpl<?>) single).getMessageBuilder().getCompression().name();
    }

    /**
     * Reads topics from their start and holds every message against what message "id" must have
     * become: lost, duplicated, reordered (within key and topic), corrupt (another text), invented (no
     * such id), misplaced (another topic). Ends when all have come and nothing more for
     * "quietMillis", or at the deadline.
     */
    private JsonNode verify(JsonNode command) throws Exception {
        int count = command.get("count").asInt();
        long quiet = command.path("quietMillis").asLong(1_000);
        long deadline = System.currentTimeMillis() + command.path("millis").asLong(60_000);
        Pattern find = Pattern.compile(command.path("find").asText("^(\\d+)"));
        Text expected = new Text(command, "expected");
        Text place = new Text(command, "place");
        BitSet seen = new BitSet(count);
        Map<String, Long> newest = new HashMap<>();
        long received = 0, duplicated = 0, reordered = 0, corrupt = 0, invented = 0, misplaced = 0;
        long earliest = Long.MAX_VALUE, latest = 0, entries = 0;
        String previousEntry = "", example = "";
        List<String> topics = new ArrayList<>();
        command.get("topics").forEach(topic -> topics.add(topic.asText()));
        try (Reader<byte[]> reader = reader(command, topics)) {
            while (true) {
                boolean complete = seen.cardinality() >= count;
                long wait = complete ? quiet : Math.max(0, deadline - System.currentTimeMillis());
                Message<byte[]> message = reader.readNext((int) wait, TimeUnit.MILLISECONDS);
                if (message == null) {
                    break;
                }
                received++;
                earliest = Math.min(earliest, message.getPublishTime());
                latest = Math.max(latest, message.getPublishTime());
                MessageIdAdv position = (MessageIdAdv) message.getMessageId();
                String entry = position.getLedgerId() + ":" + position.getEntryId() + ":" + position.getPartitionIndex();
                entries += entry.equals(previousEntry) ? 0 : 1;
                previousEntry = entry;
                String text = new String(message.getData(), StandardCharsets.UTF_8);
                Matcher found = find.matcher(text);
                long id = found.find() ? Long.parseLong(found.group(1)) : -1;
                if (id < 0 || id >= count) {
                    invented++;
                    example = text;
                    continue;
                }
                if (!text.equals(expected.of(id))) {
                    corrupt++;
                    example = text + " instead of " + expected.of(id);
                }
                if (place.template != null && !message.getTopicName().equals(place.of(id))) {
                    misplaced++;
                    example = message.getTopicName() + " instead of " + place.of(id);
                }
                if (seen.get((int) id)) {
                    duplicated++;
                    continue;
                }
                seen.set((int) id);
                Long before = newest.put(expected.key(id) + " " + message.getTopicName(), id);
                if (before != null && before > id) {
                    reordered++;
                    example = id + " after " + before;
                }
            }
        }
        return JSON.createObjectNode()
                .put("received", received)
                .put("lost", count - seen.cardinality())
                .put("duplicated", duplicated)
                .put("reordered", reordered)
                .put("corrupt", corrupt)
                .put("invented", invented)
                .put("misplaced", misplaced)
                .put("entries", entries)
                .put("firstPublished", received == 0 ? 0 : earliest)
                .put("lastPublished", latest)
                .put("example", example);
    }

    private Reader<byte[]> reader(JsonNode command, List<String> topics) throws Exception {
        return client(command)
                .newReader()
                .topics(topics)
                .startMessageId(MessageId.earliest)
                .receiverQueueSize(10_000)
                .create();
    }

    // What all of them need.

    private PulsarClient client(JsonNode command) {
        return clients.computeIfAbsent(text(command, "service"), url -> {
            try {
                ClientBuilder builder = PulsarClient.builder().serviceUrl(url);
                if (command.hasNonNull("token")) {
                    builder.authentication(AuthenticationFactory.token(text(command, "token")));
                }
                return builder.statsInterval(0, TimeUnit.SECONDS).build();
            } catch (Exception failure) {
                throw new IllegalStateException(failure);
            }
        });
    }

    private PulsarAdmin admin(JsonNode command) {
        return admins.computeIfAbsent(text(command, "web"), url -> {
            try {
                PulsarAdminBuilder builder = PulsarAdmin.builder().serviceHttpUrl(url);
                if (command.hasNonNull("token")) {
                    builder.authentication(AuthenticationFactory.token(text(command, "token")));
                }
                return builder.build();
            } catch (Exception failure) {
                throw new IllegalStateException(failure);
            }
        });
    }

    private static String text(JsonNode command, String name) {
        JsonNode value = command.get(name);
        if (value == null) {
            throw new IllegalArgumentException(command.get("do") + " needs " + name);
        }
        return value.asText();
    }

    private static Map<String, String> properties(JsonNode given) {
        Map<String, String> properties = new HashMap<>();
        given.path("properties").fields().forEachRemaining(p -> properties.put(p.getKey(), p.getValue().asText()));
        return properties;
    }

    /**
     * A text per message id: %id%, %n% (the message's number among those of its key, from 0),
     * %count% (the same from 1), %key%, %choice:a|b|c% (by id, in turn), %pad% (fills up to "size"
     * characters).
     */
    private static final class Text {
        final String template;
        final int keys;
        private final int size;

        Text(JsonNode command, String name) {
            template = command.has(name) ? command.get(name).asText() : null;
            keys = command.path("keys").asInt(0);
            size = command.path("size").asInt(0);
        }

        String key(long id) {
            return "k" + (keys > 0 ? id % keys : 0);
        }

        String of(long id) {
            StringBuilder text = new StringBuilder(Math.max(16, size + 4));
            int fill = -1;
            Matcher field = FIELD.matcher(template);
            int copied = 0;
            while (field.find()) {
                text.append(template, copied, field.start());
                copied = field.end();
                String name = field.group(1);
                switch (name) {
                    case "id" -> text.append(id);
                    case "n" -> text.append(keys > 0 ? id / keys : id);
                    case "count" -> text.append((keys > 0 ? id / keys : id) + 1);
                    case "key" -> text.append(key(id));
                    case "pad" -> fill = text.length();
                    default -> {
                        String[] choices = name.substring("choice:".length()).split("\\|");
                        text.append(choices[(int) (id % choices.length)]);
                    }
                }
            }
            text.append(template, copied, template.length());
            if (fill >= 0 && text.length() < size) {
                text.insert(fill, "x".repeat(size - text.length()));
            }
            return text.toString();
        }
    }
}
