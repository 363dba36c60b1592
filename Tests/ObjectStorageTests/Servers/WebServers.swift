import Foundation
import StorageFaults

@testable import ObjectStorage

/// HTTP servers for tests, with a folder `data`.
enum WebServers {
    static func store(_ address: String, _ folder: String = "/some folder/") throws -> WebDAVObjectStore {
        var settings = HTTPSettings()
        settings.retries = RetryPolicy(attempts: 5, base: .milliseconds(20), limit: .milliseconds(200))
        return try WebDAVObjectStore(
            root: ResourceURI(address).join(String(folder.dropFirst())), transport: HTTPTransport(settings))
    }

    static func wsgidav(_ scratch: Scratch) async throws -> ServerProcess {
        try FileManager.default.createDirectory(atPath: scratch.path + "/data", withIntermediateDirectories: true)
        return try await ServerProcess(Tool.wsgidav ?? "wsgidav", log: scratch.path + "/wsgidav.log") { port in
            [
                "--host", "127.0.0.1", "--port", "\(port)", "--root", scratch.path + "/data", "--auth", "anonymous",
                "--no-config",
            ]
        }
    }

    /// - Parameter extended: with the module for properties and locks; else the methods `PUT` and `DELETE` only.
    static func nginx(_ scratch: Scratch, extended: Bool) async throws -> ServerProcess {
        let base = scratch.path + "/nginx"
        for folder in ["data", "tmp"] {
            try FileManager.default.createDirectory(atPath: "\(base)/\(folder)", withIntermediateDirectories: true)
        }
        let module = "/usr/lib/nginx/modules/ngx_http_dav_ext_module.so"
        let methods =
            extended
            ? "dav_methods PUT DELETE MKCOL COPY MOVE; dav_ext_methods PROPFIND OPTIONS;" : "dav_methods PUT DELETE;"
        return try await ServerProcess(Tool.nginx ?? "nginx", log: scratch.path + "/nginx.log") { port in
            try """
            \(extended ? "load_module \(module);" : "")
            user root;
            daemon off;
            worker_processes 2;
            pid \(base)/pid;
            error_log \(base)/error.log;
            events { worker_connections 512; }
            http {
                access_log off;
                client_max_body_size 0;
                client_body_temp_path \(base)/tmp;
                server {
                    listen 127.0.0.1:\(port);
                    root \(base)/data;
                    create_full_put_path on;
                    dav_access user:rw group:r all:r;
                    location / { \(methods) }
                }
            }
            """.write(toFile: base + "/nginx.conf", atomically: true, encoding: .utf8)
            return ["-c", base + "/nginx.conf", "-e", base + "/error.log"]
        }
    }

    static var hasNginxProperties: Bool {
        Tool.nginx != nil
            && FileManager.default.fileExists(atPath: "/usr/lib/nginx/modules/ngx_http_dav_ext_module.so")
    }
}
