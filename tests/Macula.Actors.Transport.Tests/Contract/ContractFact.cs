using Xunit.Sdk;

namespace Macula.Actors.Transport.Tests.Contract;

/// <summary>A fact of the contract. In a class marked <see cref="NeedsProviderAttribute"/> it exists only on machines
/// that can run the provider: it is not skipped there, it is not discovered.</summary>
[XunitTestCaseDiscoverer(
    "Macula.Actors.Transport.Tests.Contract.ContractFactDiscoverer", "Macula.Actors.Transport.Tests")]
[AttributeUsage(AttributeTargets.Method)]
public sealed class ContractFactAttribute : FactAttribute;

/// <summary>The facts of this class need a provider of this type that is supported.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class NeedsProviderAttribute(Type provider) : Attribute
{
    public Type Provider { get; } = provider;
}

/// <summary>Finds <see cref="ContractFactAttribute"/>s, where they can run.</summary>
public sealed class ContractFactDiscoverer(IMessageSink diagnostics) : IXunitTestCaseDiscoverer
{
    public IEnumerable<IXunitTestCase> Discover(
        ITestFrameworkDiscoveryOptions discoveryOptions, ITestMethod testMethod, IAttributeInfo factAttribute)
    {
        var needed = testMethod.TestClass.Class.GetCustomAttributes(typeof(NeedsProviderAttribute)).SingleOrDefault();
        if (needed is not null && !IsSupported(needed.GetNamedArgument<Type>(nameof(NeedsProviderAttribute.Provider))))
            return [];

        return
        [
            new XunitTestCase(diagnostics, discoveryOptions.MethodDisplayOrDefault(),
                discoveryOptions.MethodDisplayOptionsOrDefault(), testMethod),
        ];
    }

    private static bool IsSupported(Type provider)
    {
        var maker = provider.GetConstructors().Single();
        var defaults = maker.GetParameters().Select(parameter => parameter.DefaultValue).ToArray();
        return ((IQuicProvider)maker.Invoke(defaults)).Support.IsSupported;
    }
}
