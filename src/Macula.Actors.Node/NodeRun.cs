using System.Runtime.InteropServices;
using Akka.Actor;
using Akka.Hosting;
using Macula.Actors.Configuration;
using Macula.Actors.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Serilog;

namespace Macula.Actors.Node;

/// <summary>Runs a node from its first setting to its exit code.</summary>
internal static class NodeRun
{
    // Beyond the clients' grace: leaving the cluster and ending the actor system.
    private static readonly TimeSpan StopSlack = TimeSpan.FromSeconds(20);

    public static async Task<int> RunAsync(NodeArguments arguments, CancellationToken cancellation)
    {
        try
        {
            var settings = MaculaSettings.Load(arguments.ToOptions());
            await using var log = NodeLog.Create(arguments, NodeIdentity.Name(settings), settings.Realm);
            return await RunAsync(settings, arguments, log, cancellation);
        }
        catch (SettingsException fault)
        {
            await TellAsync(["The configuration is wrong:", .. fault.Faults.Select(line => $"  {line}")]);
            return ExitCode.BadConfiguration;
        }
        catch (MaculaStartException fault)
        {
            await TellAsync($"The node cannot start: {fault.Message}");
            return ExitCode.CannotStart;
        }
        catch (Exception fault)
        {
            await TellAsync($"The node failed, which is a fault of this program: {fault}");
            return ExitCode.Unexpected;
        }
    }

    private static async Task<int> RunAsync(
        MaculaSettings settings, NodeArguments arguments, ILogger log, CancellationToken cancellation)
    {
        // Akka prints the stack trace of a failed start, and its last words, past the log; we tell them in a sentence.
        var output = Console.Out;
        Console.SetOut(TextWriter.Null);
        using var host = Build(settings, log);
        await host.StartAsync(cancellation);

        var gateway = MaculaNode.Of(host.Services.GetRequiredService<ActorSystem>());
        var node = await gateway.Ready;
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
        {
            context.Cancel = true; // it would end the process
            gateway.ReloadCertificate();
        });
        if (arguments.ReadyFile is not null) await ReadyFile.WriteAsync(arguments.ReadyFile, node);
        await output.WriteAsync(Banner.Of(node, settings));

        var stopping = host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        var asked = host.WaitForShutdownAsync(cancellation);
        if (await Task.WhenAny(asked, gateway.Ended) == gateway.Ended && !stopping.IsCancellationRequested)
        {
            // The log says why. A node without its gateway is of no use to anyone: end it, so that it is started again.
            await host.StopAsync(CancellationToken.None);
            return ExitCode.Unexpected;
        }

        await asked;
        // Akka.Hosting sets it when the cluster took this node down.
        return Environment.ExitCode == 0 ? ExitCode.Clean : ExitCode.Unexpected;
    }

    private static IHost Build(MaculaSettings settings, ILogger log)
    {
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Services
            .AddSerilog(log)
            .Configure<HostOptions>(host => host.ShutdownTimeout = settings.ShutdownGrace + StopSlack)
            .Configure<ConsoleLifetimeOptions>(console => console.SuppressStatusMessages = true)
            .AddHostedService(_ => new MemoryReturn(new MemoryReturn.Process(), TimeProvider.System, log))
            .AddAkka("macula", akka => akka.WithMacula(settings));
        return builder.Build();
    }

    private static async Task TellAsync(params IEnumerable<string> lines)
    {
        foreach (var line in lines) await Console.Error.WriteLineAsync(line);
    }
}
