import Foundation
import Runtime
import Subprocess
import Testing
import Yams

@Suite("The Kubernetes base")
struct KubernetesTests {
    @Test func `it renders the objects of an installation`() async throws {
        let kinds = try await rendered().compactMap { $0["kind"]?.string }
        #expect(Set(kinds) == ["ConfigMap", "Service", "StatefulSet", "PodDisruptionBudget"])
        #expect(kinds.filter { $0 == "Service" }.count == 2)
    }

    @Test func `the pods are confined`() async throws {
        let pod = try await pod()
        #expect(pod["automountServiceAccountToken"]?.bool == false)
        #expect(pod["enableServiceLinks"]?.bool == false, "the links would be unknown settings")
        #expect(pod["securityContext"]?["runAsNonRoot"]?.bool == true)
        #expect(pod["securityContext"]?["seccompProfile"]?["type"]?.string == "RuntimeDefault")
        let container = try #require(pod["containers"]?[0])
        let security = container["securityContext"]
        #expect(security?["readOnlyRootFilesystem"]?.bool == true)
        #expect(security?["allowPrivilegeEscalation"]?.bool == false)
        #expect(security?["capabilities"]?["drop"]?[0]?.string == "ALL")
    }

    @Test func `the user and the port are those of the image`() async throws {
        let image = try Repository.text("Dockerfile")
        let pod = try await pod()
        let user = try #require(pod["securityContext"]?["runAsUser"]?.int)
        #expect(image.contains("USER \(user):\(user)"))
        #expect(pod["securityContext"]?["fsGroup"]?.int == user, "the volume is the user's")
        let port = try #require(pod["containers"]?[0]?["ports"]?[0]?["containerPort"]?.int)
        #expect(image.contains("EXPOSE \(port)"))
        let settings = try await settings()
        #expect(settings.listen.port == port)
        #expect(settings.listen.host == "0.0.0.0")
    }

    @Test(arguments: [("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")])
    func `the probes ask routes that exist, on the port that is named`(probe: String, path: String) async throws {
        let container = try #require(try await pod()["containers"]?[0])
        let get = try #require(container[probe]?["httpGet"])
        #expect(get["path"]?.string == path)
        #expect(get["port"]?.string == container["ports"]?[0]?["name"]?.string)
        let sources = try Repository.files(below: "Sources/API", ending: ".swift").map(Repository.text)
        #expect(sources.contains { $0.contains("\"\(path)\"") })
    }

    @Test func `a replica keeps its journal and has time to write it`() async throws {
        let set = try await statefulSet()
        #expect(set["spec"]?["replicas"]?.int == 2)
        let claim = try #require(set["spec"]?["volumeClaimTemplates"]?[0]?["metadata"]?["name"]?.string)
        let pod = try await pod()
        let mounts = try #require(pod["containers"]?[0]?["volumeMounts"]?.sequence)
        let mount = mounts.first { $0["name"]?.string == claim }
        let settings = try await settings()
        #expect(mount?["mountPath"]?.string == settings.dataDirectory)
        #expect(mounts.contains { $0["mountPath"]?.string == "/tmp" })
        let grace = try #require(pod["terminationGracePeriodSeconds"]?.int)
        #expect(grace == 45)
        #expect(settings.limits.shutdownTimeout + .seconds(5) <= .seconds(grace))
    }

    @Test func `selectors select the pods`() async throws {
        let set = try await statefulSet()
        let labels = try #require(set["spec"]?["template"]?["metadata"]?["labels"]?.mapping)
        let selectors = try await rendered().compactMap { object in
            object["spec"]?["selector"]?["matchLabels"] ?? object["spec"]?["selector"]
        }
        #expect(selectors.count == 4)
        for selector in selectors {
            for (key, value) in try #require(selector.mapping) { #expect(labels[key]?.string == value.string) }
        }
        let services = try await rendered().filter { $0["kind"]?.string == "Service" }
        #expect(services.contains { $0["metadata"]?["name"]?.string == set["spec"]?["serviceName"]?.string })
    }

    @Test func `the example of the secret has settings that are known`() throws {
        let secret = try #require(try Yams.compose(yaml: Repository.text("k8s/base/secret.example.yaml")))
        for (key, _) in try #require(secret["stringData"]?.mapping) {
            let name = try #require(key.string)
            #expect(SettingsTable.row(named: name) != nil, "\(name)")
        }
    }

    /// The ConfigMap as the program reads it.
    private func settings() async throws -> Settings {
        let map = try #require(try await rendered().first { $0["kind"]?.string == "ConfigMap" }?["data"]?.mapping)
        var environment = ["DATABASE_URL": "postgresql://host/database", "KUBERNETES_SERVICE_HOST": "10.0.0.1"]
        for (key, value) in map { environment[key.string ?? ""] = value.string }
        return try Settings.load(environment: environment)
    }

    private func statefulSet() async throws -> Node {
        try #require(try await rendered().first { $0["kind"]?.string == "StatefulSet" })
    }

    private func pod() async throws -> Node {
        try #require(try await statefulSet()["spec"]?["template"]?["spec"])
    }

    private func rendered() async throws -> [Node] {
        let result = try await Subprocess.run(
            .name("kubectl"), arguments: ["kustomize", Repository.root.appendingPathComponent("k8s/base").path],
            output: .string(limit: 1_048_576), error: .string(limit: 65_536))
        try #require(result.terminationStatus.isSuccess, "\(result.standardError)")
        return try Yams.compose_all(yaml: result.standardOutput).map { $0 }
    }
}
