// One ZeroMQ connection (ZMTP 3.0: SUB or DEALER, NULL or PLAIN) over MetaTrader's own sockets. Nothing here blocks
// longer than a connection attempt.
#include "ZmtpFrames.mqh"
#include "Backoff.mqh"

#define ZMTP_GREETING_BYTES 64
#define ZMTP_CONNECT_MS     300
#define ZMTP_HANDSHAKE_MS   5000
#define ZMTP_PING_MS        10000
#define ZMTP_SILENCE_MS     30000
#define ZMTP_WAITING_MAX    262144
#define ZMTP_CHUNK          16384
#define ZMTP_READS          64

enum ENUM_ZMTP_STATE { ZMTP_DOWN, ZMTP_GREETING, ZMTP_WELCOME, ZMTP_READY, ZMTP_UP };

class CZmtp
  {
private:
   string            m_host;
   int               m_port;
   string            m_type;
   string            m_user;
   string            m_password;
   string            m_topic;
   int               m_socket;
   ENUM_ZMTP_STATE   m_state;
   CZmtpFrames       m_in;
   CByteBuffer       m_out;
   CByteBuffer       m_command;
   CBackoff          m_backoff;
   ulong             m_since;
   ulong             m_heard;
   ulong             m_pinged;
   int               m_connections;
   string            m_fault;
   uchar             m_chunk[];

   bool              Plain(void) const { return(m_user!=""); }
   void              Frame(const int flags,const CByteBuffer &body)
     {
      bool is_long=body.Size()>255;
      m_out.Add(is_long ? flags|ZMTP_FLAG_LONG : flags);
      m_out.AddNumber(body.Size(),is_long ? 8 : 1);
      m_out.AddFrom(body,0,body.Size());
     }
   void              Command(const string name,const CByteBuffer &data)
     {
      CByteBuffer body;
      body.Add(StringLen(name));
      body.AddText(name);
      body.AddFrom(data,0,data.Size());
      Frame(ZMTP_FLAG_COMMAND,body);
     }
   void              Property(CByteBuffer &data,const string name,const string value)
     {
      data.Add(StringLen(name));
      data.AddText(name);
      data.AddNumber(StringLen(value),4);
      data.AddText(value);
     }
   void              SendProperties(const string command)
     {
      CByteBuffer data;
      Property(data,"Socket-Type",m_type);
      Property(data,"Identity","");
      Command(command,data);
     }
   void              SendGreeting(void)
     {
      string mechanism=Plain() ? "PLAIN" : "NULL";
      m_out.Add(0xFF);
      m_out.AddNumber(0,8);
      m_out.Add(0x7F);
      m_out.Add(3);
      m_out.Add(0);
      m_out.AddText(mechanism);
      for(int at=StringLen(mechanism); at<20+32; at++)
         m_out.Add(0);
     }
   void              SendPlainHello(void)
     {
      CByteBuffer data;
      data.Add(StringLen(m_user));
      data.AddText(m_user);
      data.Add(StringLen(m_password));
      data.AddText(m_password);
      Command("HELLO",data);
     }
   bool              Drop(const string fault)
     {
      m_fault=fault;
      if(m_socket>=0)
         SocketClose(m_socket);
      m_socket=-1;
      m_state=ZMTP_DOWN;
      m_in.Clear();
      m_out.Clear();
      m_backoff.Failed(GetTickCount64());
      return(false);
     }
   bool              Connect(const ulong now)
     {
      m_socket=SocketCreate();
      if(m_socket<0)
         return(Drop("no socket, error "+IntegerToString(GetLastError())));
      if(!SocketConnect(m_socket,m_host,(uint)m_port,ZMTP_CONNECT_MS))
         return(Drop("not connected, error "+IntegerToString(GetLastError())+": is the bridge up and the address allowed?"));
      SocketTimeouts(m_socket,1000,1000);
      m_state=ZMTP_GREETING;
      m_since=now;
      m_heard=now;
      m_pinged=now;
      SendGreeting();
      return(true);
     }
   bool              Flush(void)
     {
      while(m_out.Size()>0)
        {
         uchar bytes[];
         int count=m_out.Size()<ZMTP_CHUNK ? m_out.Size() : ZMTP_CHUNK;
         m_out.Copy(bytes,0,count);
         int sent=SocketSend(m_socket,bytes,(uint)count);
         if(sent<0)
            return(Drop("sending failed, error "+IntegerToString(GetLastError())));
         if(sent==0)
            break;
         m_out.DropFirst(sent);
        }
      if(m_out.Size()>ZMTP_WAITING_MAX)
         return(Drop("the bridge does not read"));
      return(true);
     }
   bool              Fill(const ulong now)
     {
      for(int turn=0; turn<ZMTP_READS && m_in.Size()<ZMTP_WAITING_MAX; turn++)
        {
         uint waiting=SocketIsReadable(m_socket);
         if(waiting==0)
            break;
         int got=SocketRead(m_socket,m_chunk,waiting<ZMTP_CHUNK ? waiting : ZMTP_CHUNK,1);
         if(got<=0)
            break; // a guess of SocketIsReadable, or the end, which the next line tells
         m_heard=now;
         m_in.Add(m_chunk,got);
        }
      if(!SocketIsConnected(m_socket) && SocketIsReadable(m_socket)==0)
         return(Drop("the bridge closed the connection"));
      return(true);
     }
   bool              TakeGreeting(void)
     {
      string mechanism=Plain() ? "PLAIN" : "NULL";
      if(m_in.Size()>0 && m_in.At(0)!=0xFF)
         return(Drop("greeting: not ZeroMQ"));
      if(m_in.Size()<ZMTP_GREETING_BYTES)
         return(true);
      if(((int)m_in.At(9)&1)==0 || m_in.At(10)<3)
         return(Drop("greeting: ZMTP older than 3"));
      for(int at=0; at<20; at++)
         if((int)m_in.At(12+at)!=(at<StringLen(mechanism) ? (int)StringGetCharacter(mechanism,at) : 0))
            return(Drop("greeting: another security mechanism than "+mechanism));
      m_in.Skip(ZMTP_GREETING_BYTES);
      if(Plain())
         SendPlainHello();
      else
         SendProperties("READY");
      m_state=Plain() ? ZMTP_WELCOME : ZMTP_READY;
      return(true);
     }
   bool              CommandIs(const string name) const
     {
      if(m_command.Size()<1+StringLen(name) || (int)m_command.At(0)!=StringLen(name))
         return(false);
      for(int at=0; at<StringLen(name); at++)
         if((int)m_command.At(1+at)!=(int)StringGetCharacter(name,at))
            return(false);
      return(true);
     }
   //--- the peer's socket type; empty where the properties cannot be read
   string            PeerType(void) const
     {
      int at=6;
      string type="";
      while(at<m_command.Size())
        {
         int name_length=(int)m_command.At(at);
         int value_at=at+1+name_length+4;
         if(value_at>m_command.Size())
            return("");
         long value_length=0;
         string name="";
         for(int i=0; i<name_length; i++)
            name+=CharToString(m_command.At(at+1+i));
         for(int i=0; i<4; i++)
            value_length=value_length*256+(long)m_command.At(value_at-4+i);
         if(value_length>m_command.Size()-value_at)
            return("");
         if(name=="Socket-Type")
           {
            type="";
            for(int i=0; i<(int)value_length; i++)
               type+=CharToString(m_command.At(value_at+i));
           }
         at=value_at+(int)value_length;
        }
      return(type);
     }
   bool              TakeReady(const ulong now)
     {
      string peer=PeerType();
      bool fits=m_type=="SUB" ? (peer=="PUB" || peer=="XPUB") : peer=="ROUTER";
      if(!fits)
         return(Drop("READY: the peer's socket is no match for "+m_type));
      m_state=ZMTP_UP;
      m_since=now;
      m_connections++;
      m_fault="";
      if(m_type=="SUB")
        {
         CByteBuffer body;
         body.Add(1);
         body.AddText(m_topic);
         Frame(0,body);
        }
      return(true);
     }
   bool              TakeCommand(const ulong now)
     {
      if(m_state==ZMTP_WELCOME)
        {
         if(!CommandIs("WELCOME"))
            return(Drop("user or password refused"));
         SendProperties("INITIATE");
         m_state=ZMTP_READY;
         return(true);
        }
      if(m_state==ZMTP_READY)
         return(CommandIs("READY") ? TakeReady(now) : Drop("refused by the bridge"));
      if(CommandIs("PING"))
        {
         if(m_command.Size()<7 || m_command.Size()>7+16)
            return(Drop("PING: not of its size"));
         CByteBuffer context;
         context.AddFrom(m_command,7,m_command.Size()-7);
         Command("PONG",context);
        }
      return(CommandIs("ERROR") ? Drop("ended by the bridge") : true);
     }
   bool              TakeFrames(const ulong now)
     {
      while(true)
        {
         ENUM_ZMTP_ITEM item=m_in.Scan(m_command);
         if(item==ZMTP_ITEM_NONE)
            break;
         if(item==ZMTP_ITEM_BROKEN)
            return(Drop(m_in.Fault()));
         if(item==ZMTP_ITEM_DATA && m_state!=ZMTP_UP)
            return(Drop("a message before the handshake was done"));
         if(item==ZMTP_ITEM_COMMAND && !TakeCommand(now))
            return(false);
        }
      m_in.Compact();
      return(true);
     }
   bool              CheckSilence(const ulong now)
     {
      if(m_state!=ZMTP_UP)
         return(now-m_since<=ZMTP_HANDSHAKE_MS ? true : Drop("the handshake takes too long"));
      if(now-m_since>ZMTP_PING_MS)
         m_backoff.Succeeded();
      if(now-m_heard>ZMTP_SILENCE_MS)
         return(Drop("the bridge is silent"));
      if(now-m_heard>ZMTP_PING_MS && now-m_pinged>ZMTP_PING_MS)
        {
         CByteBuffer data;
         data.AddNumber(ZMTP_SILENCE_MS/100,2);
         Command("PING",data);
         m_pinged=now;
        }
      return(true);
     }

public:
                     CZmtp(void)
     {
      m_socket=-1;
      m_state=ZMTP_DOWN;
      m_connections=0;
      m_port=0;
      m_since=0;
      m_heard=0;
      m_pinged=0;
     }
                    ~CZmtp(void) { Close(); }
   void              Configure(const string host,const int port,const string type,const string topic,const string user,const string password)
     {
      m_host=host;
      m_port=port;
      m_type=type;
      m_topic=topic;
      m_user=user;
      m_password=password;
      m_fault="not tried yet";
     }
   void              FrameMax(const int bytes) { m_in.FrameMax(bytes); }
   bool              IsUp(void) const { return(m_state==ZMTP_UP); }
   int               Connections(void) const { return(m_connections); }
   string            Fault(void) const { return(m_fault); }
   ENUM_ZMTP_STATE   State(void) const { return(m_state); }
   //--- moves bytes both ways and keeps the connection up; to be called often
   void              Poll(void)
     {
      ulong now=GetTickCount64();
      if(m_state==ZMTP_DOWN && (!m_backoff.Due(now) || !Connect(now)))
         return;
      if(!Flush() || !Fill(now))
         return;
      if(m_state==ZMTP_GREETING && !TakeGreeting())
         return;
      if(m_state!=ZMTP_GREETING && !TakeFrames(now))
         return;
      if(CheckSilence(now))
         Flush();
     }
   bool              Receive(CZmtpMessage &message) { return(m_in.Take(message)); }
   //--- one frame, or two where `more` has bytes; false where there is no connection
   bool              Send(const string line,const CByteBuffer &more)
     {
      if(m_state!=ZMTP_UP)
         return(false);
      CByteBuffer body;
      body.AddText(line);
      Frame(more.Size()>0 ? ZMTP_FLAG_MORE : 0,body);
      if(more.Size()>0)
         Frame(0,more);
      return(Flush());
     }
   bool              Send(const string line)
     {
      CByteBuffer nothing;
      return(Send(line,nothing));
     }
   void              Close(void)
     {
      if(m_socket>=0)
         SocketClose(m_socket);
      m_socket=-1;
      m_state=ZMTP_DOWN;
     }
  };
